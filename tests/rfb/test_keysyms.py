import importlib.util
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.rfb import keysym_names
from mpvnc.rfb.keysyms import KEYSYM_BY_NAME, char_for_keysym, keysym_for_char


@pytest.mark.parametrize(
    ("name", "keysym"),
    [
        ("space", 0x20), ("a", 0x61), ("A", 0x41), ("sterling", 0xA3), ("Return", 0xFF0D),
        ("BackSpace", 0xFF08), ("Shift_L", 0xFFE1), ("F12", 0xFFC9), ("KP_Enter", 0xFF8D),
        ("ISO_Left_Tab", 0xFE20),
        ("ISO_Level3_Shift", 0xFE03), ("Cyrillic_a", 0x6C1), ("EuroSign", 0x20AC), ("dead_acute", 0xFE51),
        ("Georgian_an", 0x010010D0), ("VoidSymbol", 0xFFFFFF),
    ],
)  # fmt: skip
def test_names(name, keysym):
    assert KEYSYM_BY_NAME[name] == keysym


@pytest.mark.parametrize(
    ("char", "keysym"),
    [
        (" ", 0x20), ("~", 0x7E), ("a", 0x61), ("é", 0xE9), ("ÿ", 0xFF), ("\xa0", 0xA0),
        ("а", 0x6C1),            # Cyrillic: the number that layouts know
        ("α", 0x7E1), ("€", 0x20AC), ("Ÿ", 0x13BE),
        ("ა", 0x010010D0),       # Georgian: Unicode only
        ("😀", 0x0101F600), ("\U0010ffff", 0x0110FFFF),
    ],
)  # fmt: skip
def test_characters_both_ways(char, keysym):
    assert keysym_for_char(char) == keysym
    assert char_for_keysym(keysym) == char


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\n", "Return"),
        ("\r", "Return"),
        ("\t", "Tab"),
        ("\b", "BackSpace"),
        ("\x1b", "Escape"),
        ("\x7f", "Delete"),
    ],
)
def test_control_characters_are_keys(char, name):
    assert keysym_for_char(char) == KEYSYM_BY_NAME[name]


@pytest.mark.parametrize("char", ["\0", "\x01", "\x9f", "\ud800", "\udfff"])
def test_characters_that_no_key_means(char):
    assert keysym_for_char(char) is None


@pytest.mark.parametrize(
    ("keysym", "char"),
    [
        (0x0100_0041, "A"), (0x0100_0430, "а"), (0x0100_20AC, "€"),   # the form with an older one
        (KEYSYM_BY_NAME["KP_7"], "7"), (KEYSYM_BY_NAME["KP_Decimal"], "."), (KEYSYM_BY_NAME["KP_Space"], " "),
    ],
)  # fmt: skip
def test_characters_that_have_several_keysyms(keysym, char):
    assert char_for_keysym(keysym) == char


@pytest.mark.parametrize(
    "keysym",
    [0, 0x1F, 0x7F, 0x9F, 0xFF0D, 0xFFE1, 0x0100_0000, 0x0100_001F, 0x0100_D800, 0x0111_0000, 0xFFFFFFFF],
)
def test_keysyms_that_are_no_characters(keysym):
    assert char_for_keysym(keysym) is None


@given(st.characters(codec="utf-8"))
def test_a_character_survives_the_way_there_and_back(char):
    keysym = keysym_for_char(char)
    if unicodedata.category(char) == "Cc":
        assert keysym is None or keysym > 0xFF00
    else:
        assert keysym is not None
        assert char_for_keysym(keysym) == char


@given(st.integers(0, 0xFFFFFFFF))
def test_any_number_may_come_from_the_wire(keysym):
    char = char_for_keysym(keysym)
    assert char is None or len(char) == 1


HEADER = """
#define XK_VoidSymbol                  0xffffff  /* Void symbol */
#define XK_Return                        0xff0d  /* Return, enter */
#define XK_Agrave                        0x00c0  /* U+00C0 LATIN CAPITAL LETTER A WITH GRAVE */
#define XK_Cyrillic_a                    0x06c1  /* U+0430 CYRILLIC SMALL LETTER A */
#define XK_topleftradical                0x08a2  /*(U+250C BOX DRAWINGS LIGHT DOWN AND RIGHT)*/
#define XK_leftcaret                     0x0ba3  /* (U+003C LESS-THAN SIGN) */
#define XK_Georgian_an                0x10010d0  /* U+10D0 GEORGIAN LETTER AN */
#define XK_3270_Duplicate                0xfd01
"""


@pytest.fixture
def generator():
    path = Path(__file__).parents[2] / "scripts" / "generate_keysyms.py"
    spec = importlib.util.spec_from_file_location("generate_keysyms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generator_takes_names_and_exact_characters(generator):
    made = {}
    exec(generator.generate(HEADER), made)
    assert made["KEYSYM_BY_NAME"] == {
        "VoidSymbol": 0xFFFFFF, "Return": 0xFF0D, "Agrave": 0xC0, "Cyrillic_a": 0x6C1,
        "topleftradical": 0x8A2, "leftcaret": 0xBA3, "Georgian_an": 0x10010D0, "3270_Duplicate": 0xFD01,
    }  # fmt: skip
    assert made["CODE_POINT_BY_LEGACY_KEYSYM"] == {0x6C1: 0x430}


def test_the_names_are_as_the_generator_made_them(generator):
    head = Path(keysym_names.__file__).read_text(encoding="utf-8")
    assert head.startswith(generator._HEAD)
    assert len(KEYSYM_BY_NAME) > 2000
