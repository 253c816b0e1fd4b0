"""Keysyms: X's numbers for what a key means, which RFB's KeyEvent carries.

`KEYSYM_BY_NAME` has X's names without their XK_ ("Return", "Cyrillic_a"). Characters are keysyms in three
ways: Latin-1 as its own code, some others by a number from before Unicode, all by 0x01000000 + code point.
Viewers send any of them; keyboard layouts know characters by the older number where there is one.

Source: X Window System Protocol, appendix A "KEYSYM Encoding".
"""

from __future__ import annotations

from mpvnc.rfb.keysym_names import CODE_POINT_BY_LEGACY_KEYSYM, KEYSYM_BY_NAME

__all__ = ["KEYSYM_BY_NAME", "UNICODE_OFFSET", "char_for_keysym", "keysym_for_char"]

UNICODE_OFFSET = 0x01000000
_LAST_CODE_POINT = 0x10FFFF

_CONTROL_CHARACTERS = {
    "\b": "BackSpace",
    "\t": "Tab",
    "\n": "Return",
    "\r": "Return",
    "\x1b": "Escape",
    "\x7f": "Delete",
}
_KEYPAD = {
    "KP_Space": " ",
    "KP_Equal": "=",
    "KP_Multiply": "*",
    "KP_Add": "+",
    "KP_Separator": ",",
    "KP_Subtract": "-",
    "KP_Decimal": ".",
    "KP_Divide": "/",
    **{f"KP_{digit}": str(digit) for digit in range(10)},
}

_KEYSYM_BY_CHAR: dict[str, int] = {char: KEYSYM_BY_NAME[name] for char, name in _CONTROL_CHARACTERS.items()}
_CHAR_BY_KEYSYM: dict[int, str] = {KEYSYM_BY_NAME[name]: char for name, char in _KEYPAD.items()}
for _keysym, _code_point in CODE_POINT_BY_LEGACY_KEYSYM.items():
    _KEYSYM_BY_CHAR.setdefault(chr(_code_point), _keysym)
    _CHAR_BY_KEYSYM[_keysym] = chr(_code_point)


def keysym_for_char(char: str) -> int | None:
    """Return the keysym of one character, the older number if it has two; None if no key means it.

    A line feed is Return. Other control characters, and surrogates, have none.
    """
    code_point = ord(char)
    if _is_latin_1(code_point):
        return code_point
    if char in _KEYSYM_BY_CHAR:
        return _KEYSYM_BY_CHAR[char]
    return UNICODE_OFFSET + code_point if _is_unicode_keysym(code_point) else None


def char_for_keysym(keysym: int) -> str | None:
    """Return the character that a keysym means, keypad keys included; None for keys that have none."""
    if _is_latin_1(keysym):
        return chr(keysym)
    code_point = keysym - UNICODE_OFFSET
    if _is_latin_1(code_point) or _is_unicode_keysym(code_point):
        return chr(code_point)
    return _CHAR_BY_KEYSYM.get(keysym)


def _is_latin_1(code_point: int) -> bool:
    return 0x20 <= code_point <= 0x7E or 0xA0 <= code_point <= 0xFF


def _is_unicode_keysym(code_point: int) -> bool:
    return 0x100 <= code_point <= _LAST_CODE_POINT and not 0xD800 <= code_point <= 0xDFFF
