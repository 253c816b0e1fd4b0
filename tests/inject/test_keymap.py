from __future__ import annotations

import pytest

from mpvnc.inject.keymap import REUSE_AFTER_S, Choice, KeyMap, SpareKeycodes, canonical, is_modifier

A, SHIFT_CODE, TAB_CODE, PAD, ONE, F1, DE_A = range(10, 17)
ROWS = [
    [0x61, 0x41],
    [0xFFE1, 0],
    [0xFF09, 0xFE20],
    [0xFF9C, 0xFFB1],
    [0x31, 0x21],
    [0xFFBE, 0x1008FE01],
    [0xE4, 0xC4],
    [0, 0],
    [0, 0],
    [0, 0],
]
EMPTY = [17, 18, 19]


@pytest.fixture
def keymap() -> KeyMap:
    return KeyMap(10, 2, [keysym for row in ROWS for keysym in row], modifiers={SHIFT_CODE, 19})


@pytest.mark.parametrize(
    ("keysym", "shift", "lock", "choice"),
    [
        (0x61, False, False, Choice(A, False)),
        (0x41, False, False, Choice(A, True)),
        (0x41, True, False, Choice(A, False)),
        (0x61, True, False, None),
        (0x61, False, True, Choice(A, True)),
        (0x41, False, True, Choice(A, False)),
        (0x61, True, True, Choice(A, False)),
        (0xC4, False, True, Choice(DE_A, False)),
        (0x31, False, True, Choice(ONE, False)),
        (0x21, False, True, Choice(ONE, True)),
        (0xFF09, True, False, Choice(TAB_CODE, False)),
        (0xFE20, False, False, Choice(TAB_CODE, True)),
        (0xFE20, True, False, Choice(TAB_CODE, False)),
        (0xFFB1, False, False, None),
        (0xFF9C, False, False, None),
        (0xFFBE, True, False, Choice(F1, False)),
        (0x1008FE01, True, False, None),
        (0xFFE1, True, False, Choice(SHIFT_CODE, False)),
        (0x20AC, False, False, None),
    ],
)
def test_choices(keymap: KeyMap, keysym: int, shift: bool, lock: bool, choice: Choice | None) -> None:
    assert keymap.choose(keysym, shift, lock) == choice


def test_a_keycode_in_use_as_spare_is_not_looked_at(keymap: KeyMap) -> None:
    assert keymap.choose(0x61, False, False, taken=[A]) is None


def test_spare_keycodes_are_empty_and_no_modifiers(keymap: KeyMap) -> None:
    assert keymap.spare == [18, 17]
    assert keymap.shift == SHIFT_CODE


def test_back_tab_without_a_place_of_its_own() -> None:
    keymap = KeyMap(10, 2, [0xFF09, 0, 0xFFE1, 0], ())
    assert keymap.choose(0xFE20, False, False) == Choice(10, True)
    assert keymap.choose(0xFE20, True, False) == Choice(10, False)


@pytest.mark.parametrize(
    ("keysym", "expected"),
    [
        (0x010000E9, 0xE9),
        (0x01000041, 0x41),
        (0x010020AC, 0x010020AC),
        (0xFF0D, 0xFF0D),
        (0x0100000D, 0x0100000D),
    ],
)
def test_latin_1_is_its_own_code_point(keysym: int, expected: int) -> None:
    assert canonical(keysym) == expected


def test_modifiers() -> None:
    assert all(is_modifier(keysym) for keysym in (0xFFE1, 0xFFE5, 0xFFEE, 0xFE03, 0xFF7E, 0xFF7F))
    assert not any(is_modifier(keysym) for keysym in (0xFFFF, 0xFE20, 0x61, 0xFF09))


def test_the_longest_unused_keycode_is_taken_but_never_a_held_one() -> None:
    spares = SpareKeycodes()
    assert spares.choose([18, 17], (), 0.0) == (18, 0.0)
    spares.take(18, 1001, 0.0)
    assert spares.choose([18, 17], (), 1.0) == (17, 0.0)
    spares.take(17, 1002, 1.0)
    assert spares.find(1001, 2.0) == 18
    assert spares.choose([18, 17], (), 3.0) == (17, 0.0)
    spares.take(17, 1003, 3.0)
    assert spares.find(1002, 3.0) is None
    assert spares.choose([18, 17], {18}, 9.0) == (17, 0.0)
    assert spares.choose([18, 17], {17, 18}, 9.0) is None


def test_a_keycode_used_just_now_changes_after_a_moment() -> None:
    spares = SpareKeycodes()
    spares.take(18, 1001, 5.0)
    code, wait_s = spares.choose([18], (), 5.0) or (0, 0)
    assert (code, wait_s) == (18, pytest.approx(REUSE_AFTER_S))
    assert spares.find(1001, 5.0) == 18


def test_what_a_changed_map_lost_is_forgotten(keymap: KeyMap) -> None:
    spares = SpareKeycodes()
    spares.take(A, 0x61, 0.0)
    spares.take(18, 1002, 0.0)
    assert spares.keep_only(keymap) == [18]
    assert spares.codes == [A]
