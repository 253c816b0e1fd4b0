"""What a clipboard holds, and that it survives the way between processes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.errors import ControlError
from mpvnc.session.clipboard import FORMAT_MAX, Clipboard, cleaned

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.none() | st.binary(), TEXT)
def test_it_survives_being_packed(text: str | None, rtf: bytes | None, html: str | None) -> None:
    clipboard = Clipboard(text, rtf, html)
    assert Clipboard.unpack(clipboard.pack()) == clipboard


def test_half_a_surrogate_does_not_stop_it() -> None:
    assert Clipboard.unpack(Clipboard("a\ud800").pack()) == Clipboard("a?")


@given(st.binary(max_size=60))
def test_other_bytes_are_control_errors_or_a_clipboard(data: bytes) -> None:
    try:
        Clipboard.unpack(data)
    except ControlError:
        return


@pytest.mark.parametrize("cut", [0, 23, 24, 29])
def test_a_part_of_one_is_refused(cut: int) -> None:
    with pytest.raises(ControlError):
        Clipboard.unpack(Clipboard("hello", b"x").pack()[:cut])


@pytest.mark.parametrize("formats", [{"text": b"x"}, {"rtf": "x"}, {"html": b"x"}, {"text": 1}])
def test_other_types_are_refused(formats: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(formats))):
        Clipboard(**formats)


def test_too_much_is_refused() -> None:
    assert Clipboard(rtf=bytes(FORMAT_MAX)).size == FORMAT_MAX
    with pytest.raises(ValueError, match="rtf"):
        Clipboard(rtf=bytes(FORMAT_MAX + 1))


def test_a_strangers_text_has_no_control_characters_but_tabs_and_line_feeds() -> None:
    assert cleaned("a\r\nb\rc\n\td\0\x1b[31m\x7f\x9b\u00a0\u20ac") == "a\nb\nc\n\td[31m\u00a0\u20ac"
