"""The pages: a folder each, with its view, its templates, the fragments that keep it live and what only it draws."""
