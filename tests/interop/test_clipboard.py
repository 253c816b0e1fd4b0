"""Clipboards between a program and viewers, ours and other people's."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpvnc.publisher.events import ClipboardEvent
from mpvnc.session.clipboard import Clipboard
from tests.interop.stage import Stage
from tests.support import peers, xserver
from tests.support.selection import Selection
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, EXTENDED = 0, 0xC0A1E5CE - (1 << 32)
REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(25, 29))
TEXT = "Hello, mpvnc\n(\u00e9\u20ac\u03a9)"


@pytest.fixture
def clean(stage: Stage) -> Iterator[Stage]:
    """The stage, with the clipboard empty before and after."""
    stage.publication.change_clipboard(Clipboard())
    yield stage
    stage.publication.change_clipboard(Clipboard())


def test_programs_clipboard_reaches_every_viewer(clean: Stage) -> None:
    with clean.client([RAW]) as plain, clean.client([RAW, EXTENDED]) as extended:
        extended.wait_for(lambda viewer: len(viewer.clipboard_messages) == 1)
        clean.publication.change_clipboard("hello\u00a3")
        plain.wait_for(lambda viewer: viewer.cut_texts == ["hello\u00a3"])
        extended.wait_for(lambda viewer: viewer.clipboard_messages[1:] == [(NOTIFY | 1, b"")])
        with clean.client([RAW]) as late:
            late.wait_for(lambda viewer: viewer.cut_texts == ["hello\u00a3"])
        clean.publication.change_clipboard(Clipboard("\u20ac", b"{}", "<b>\u20ac</b>"))
        extended.wait_for(lambda viewer: viewer.clipboard_messages[2:] == [(NOTIFY | 7, b"")])
        extended.send_clipboard(REQUEST | 7)
        extended.wait_for(lambda viewer: len(viewer.clipboard_messages) == 4)
        flags, body = extended.viewer.clipboard_messages[3]
        contents = b"\0\0\0\4\xe2\x82\xac\0" + b"\0\0\0\2{}" + b"\0\0\0\x0a<b>\xe2\x82\xac</b>"
        assert (flags, zlib.decompress(body)) == (PROVIDE | 7, contents)
        clean.check(plain)
        assert plain.viewer.cut_texts == ["hello\u00a3"], "what Latin-1 does not have is not sent"


def test_viewers_clipboards_reach_the_program(clean: Stage) -> None:
    with clean.client([RAW, EXTENDED]) as one, clean.client([RAW]) as other:
        one.wait_for(lambda viewer: len(viewer.clipboard_messages) == 1)
        one.send_clipboard(NOTIFY | 7)
        one.wait_for(lambda viewer: viewer.clipboard_messages[1:] == [(REQUEST | 7, b"")])
        one.send_clipboard(PROVIDE | 7, zlib.compress(b"\0\0\0\3hi\0\0\0\0\2{}\0\0\0\1<"))
        event = clean.event(ClipboardEvent)
        assert (event.text, event.rtf, event.html) == ("hi", b"{}", "<")
        other.cut_text("there")
        second = clean.event(ClipboardEvent)
        assert (second.text, second.rtf) == ("there", None) and second.client != event.client
        clean.publication.change_clipboard("hi")
        other.wait_for(lambda viewer: viewer.cut_texts == ["hi"])
        clean.check(one)
        assert len(one.viewer.clipboard_messages) == 2, "it has that"
        for flags, body in ((PROVIDE | 1, b"no zlib"), (PROVIDE | 1, zlib.compress(b"\0\0\0\1x")), (0, b"")):
            one.send_clipboard(flags, body)
        one.send_clipboard(PEEK)
        one.wait_for(lambda viewer: viewer.clipboard_messages[2:] == [(NOTIFY | 1, b"")])
        assert [event for event in clean.drain() if isinstance(event, ClipboardEvent)] == []
    assert "there" not in "".join(clean.server.log_tail(1000))


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[str]:
    with xserver.xvfb(tmp_path, 400, 300) as display:
        yield display


@pytest.mark.x11
def test_tigervnc_pastes_both_ways(clean: Stage, screen: str, tmp_path: Path) -> None:
    selection = Selection(screen)
    clean.publication.change_clipboard(TEXT)
    with peers.tigervnc_viewer(tmp_path, screen, clean.server.port, title="stage"):
        xserver.run_client(screen, "xdotool", "search", "--name", "TigerVNC", "windowfocus")
        eventually(lambda: selection.paste() == TEXT, 10, interval_s=0.1, what="what the program has")
        clean.publication.change_clipboard("another")
        eventually(lambda: selection.paste() == "another", 10, interval_s=0.1, what="its next clipboard")
        selection.copy(TEXT[::-1])

        def has_come() -> bool:
            selection.pump()
            return any(getattr(event, "text", "") == TEXT[::-1] for event in clean.publication.events())

        eventually(has_come, 10, what="what the viewer's screen has")
    selection.close()
