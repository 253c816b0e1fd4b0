from __future__ import annotations

import pytest

import mpvnc
from mpvnc import keysyms
from mpvnc.keysyms import XK_Escape

# X11/keysymdef.h, by hand.
KNOWN = {
    "XK_BackSpace": 0xFF08, "XK_Return": 0xFF0D, "XK_Print": 0xFF61, "XK_Scroll_Lock": 0xFF14, "XK_Break": 0xFF6B,
    "XK_KP_Delete": 0xFF9F, "XK_KP_Decimal": 0xFFAE, "XK_F1": 0xFFBE, "XK_F12": 0xFFC9, "XK_Alt_L": 0xFFE9,
    "XK_ISO_Level3_Shift": 0xFE03, "XK_0": 0x30, "XK_a": 0x61, "XK_A": 0x41, "XK_EuroSign": 0x20AC,
}  # fmt: skip


def test_names_are_those_of_x11() -> None:
    assert {name: getattr(keysyms, name) for name in KNOWN} == KNOWN
    assert XK_Escape == mpvnc.keysyms.XK_Escape == 0xFF1B


@pytest.mark.parametrize("name", ["XK_Retrun", "Return", "XK_", "__nothing__"])
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(keysyms, name)


def test_names_both_ways() -> None:
    assert keysyms.keysym_for_name("XK_Page_Up") == keysyms.keysym_for_name("Page_Up") == 0xFF55
    assert keysyms.keysym_for_name("Pagup") is None
    assert keysyms.name_for_keysym(0xFF0D) == "XK_Return"
    assert keysyms.name_for_keysym(0x12345678) is None


def test_they_can_be_listed() -> None:
    assert {"XK_Return", "char_for_keysym"} <= set(dir(keysyms))
