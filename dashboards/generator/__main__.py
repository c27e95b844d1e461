from __future__ import annotations

from . import FOLDER, rendered

for name, text in rendered().items():
    (FOLDER / name).write_text(text)
