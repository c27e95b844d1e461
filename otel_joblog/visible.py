"""Others' words with their control characters in sight: a terminal obeys those, and a log may be shown on one."""

from __future__ import annotations

__all__ = ["CONTROLS", "visible"]

# Tabs and line ends are left alone.
CONTROLS = {code: f"\\x{code:02x}" for code in [*range(32), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}

# These turn the direction of text, so that it reads as something else.
_BIDI_CONTROLS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_IN_SIGHT = CONTROLS | {code: f"[U+{code:04X}]" for code in [*_BIDI_CONTROLS, 0xFEFF]}


def visible(text: str) -> str:
    """``\\x1b`` for an escape, ``[U+202E]`` for a change of direction; tabs and line ends stay."""
    return text if text.isprintable() else text.translate(_IN_SIGHT)
