from __future__ import annotations

import pytest

from mpvnc.cairovnc import CairoVNCError, VNCClipboard
from mpvnc.cairovnc.clipboard import clipboard_value
from mpvnc.session.clipboard import FORMAT_MAX, Clipboard

TEXT, RTF, HTML = VNCClipboard.Format_Text, VNCClipboard.Format_RTF, VNCClipboard.Format_HTML


def test_formats_are_kept_as_they_are_on_the_wire():
    clipboard = VNCClipboard({TEXT: "hello\r\n£", RTF: bytearray(b"{\\rtf1}"), HTML: b"<b>hello</b>"})
    assert clipboard.text == "hello\n£"
    assert clipboard.format_flags() == 7
    assert clipboard.wire_data(TEXT) == b"hello\r\n\xc2\xa3\0"
    assert clipboard.wire_data(RTF) == b"{\\rtf1}"
    assert clipboard.to_clipboard() == Clipboard("hello\n£", b"{\\rtf1}", "<b>hello</b>")


def test_a_text_may_be_bytes():
    assert clipboard_value("ä".encode()).text == "ä"
    assert VNCClipboard().text is None


def test_wrong_formats_and_types_are_told():
    with pytest.raises(ValueError, match="not 8"):
        VNCClipboard({8: b"x"})
    with pytest.raises(TypeError, match="bytes, not str"):
        VNCClipboard({HTML: "x"})
    with pytest.raises(CairoVNCError, match="limit"):
        VNCClipboard({TEXT: "x" * (FORMAT_MAX + 1)}).to_clipboard()


def test_a_clipboard_does_not_show_what_is_in_it():
    assert repr(VNCClipboard({TEXT: "secret"})) == "<VNCClipboard(formats [1])>"
