"""Key symbols by X11's own names: `keysyms.XK_Return`, `keysyms.XK_a`, `keysyms.XK_F1`.

They are what `KeyEvent.key` holds. Every name of X11/keysymdef.h is there, with its XK_ prefix; X11 has some 2,600.

```python
from mpvnc import keysyms

if event.key == keysyms.XK_Escape: ...
text = keysyms.char_for_keysym(event.key)       # "a", "ä", "€"; None for keys that mean no character
```
"""

from __future__ import annotations

from mpvnc.rfb.keysyms import KEYSYM_BY_NAME, char_for_keysym, keysym_for_char

__all__ = ["char_for_keysym", "keysym_for_char", "keysym_for_name", "name_for_keysym"]

_PREFIX = "XK_"
_names: dict[int, str] = {}


def keysym_for_name(name: str) -> int | None:
    """Return the keysym of a name, with or without its XK_; None if X11 has no such name."""
    return KEYSYM_BY_NAME.get(name.removeprefix(_PREFIX))


def name_for_keysym(keysym: int) -> str | None:
    """Return the name of a keysym, with its XK_, the first of several; None if it has none."""
    if not _names:
        for name, number in KEYSYM_BY_NAME.items():
            _names.setdefault(number, _PREFIX + name)
    return _names.get(keysym)


def __getattr__(name: str) -> int:
    keysym = KEYSYM_BY_NAME.get(name[len(_PREFIX) :]) if name.startswith(_PREFIX) else None
    if keysym is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return keysym


def __dir__() -> list[str]:
    return sorted([*__all__, *(_PREFIX + name for name in KEYSYM_BY_NAME)])
