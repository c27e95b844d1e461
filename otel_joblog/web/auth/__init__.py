"""Who may do what in the viewer: accounts, ways to sign in, roles, and a line of what was done."""
