"""Who is told of which clipboard, in which words, how often."""

from __future__ import annotations

import struct
import zlib

import pytest

from mpvnc.constants import Encoding
from mpvnc.errors import ProtocolError
from mpvnc.rfb import clipboard as wire
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.session.announcing import NOTHING, Announcements, IgnoredClipboard, Offer
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.session import Heard, Joined, Session, SessionSettings
from tests.session.stage import PaintedScreen
from tests.support.golden import golden

TEXT, RTF, HTML = 1, 2, 4
CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(24, 29))
CUT = bytes.fromhex("03 000000 00000006 68656c6c6fa3")
HELLO = Offer(Clipboard("hello\u00a3"))
RICH = Offer(Clipboard("hello\n\u00a3", rb"{\rtf1}", "<b>hello</b>"))


def told(*, is_extended: bool = False, offer: Offer = NOTHING) -> Announcements:
    """Return the announcements of a client that is in and has read everything so far."""
    one = Announcements(1000)
    one.announce(offer)
    one.begin()
    one.data_to_send()
    one.list_encodings(is_extended=is_extended)
    one.data_to_send()
    return one


def said(flags: int, body: bytes = b"") -> bytes:
    return struct.pack(">I", flags) + body


def provide(text: str) -> bytes:
    data = text.encode() + b"\0"
    return said(PROVIDE | TEXT, zlib.compress(struct.pack(">I", len(data)) + data))


def hear(one: Announcements, data: bytes, *, is_taken: bool = True) -> bytes:
    """Return the answer to a message that gives nothing."""
    assert one.hear(data, is_taken=is_taken) is None
    was_due, answer = one.is_due, one.data_to_send()
    assert was_due == bool(answer)
    return answer


# -- text alone


def test_a_clipboard_that_is_there_is_told_with_server_init_and_changes_when_they_come() -> None:
    one = Announcements(1000)
    one.announce(HELLO)
    assert not one.is_due
    one.begin()
    assert one.is_due and one.data_to_send() == CUT and not one.is_due
    one.announce(Offer(Clipboard("x")))
    assert one.data_to_send() == bytes.fromhex("03 000000 00000001 78")


def test_without_a_clipboard_nothing_is_told() -> None:
    one = Announcements(1000)
    one.announce(NOTHING)
    one.begin()
    assert not one.is_due and one.list_encodings(is_extended=False) == b""


@pytest.mark.parametrize("clipboard", [Clipboard("\u20ac"), Clipboard(None, b"x", "y"), Clipboard()])
def test_what_latin_1_does_not_have_is_not_told(clipboard: Clipboard) -> None:
    one = told()
    one.announce(Offer(clipboard))
    assert one.data_to_send() == b""


def test_only_the_newest_is_told() -> None:
    one = told()
    for number in range(1000):
        one.announce(Offer(Clipboard(str(number))))
    assert one.data_to_send() == bytes.fromhex("03 000000 00000003 393939")


@pytest.mark.parametrize("is_extended", [False, True])
def test_the_same_again_is_not_told(is_extended: bool) -> None:
    one = told(is_extended=is_extended, offer=HELLO)
    one.announce(Offer(Clipboard("hello\u00a3")))
    assert not one.is_due
    one.announce(Offer(Clipboard("x")))
    one.announce(HELLO)
    assert one.is_due


def test_what_a_client_gave_does_not_come_back() -> None:
    one = told(offer=HELLO)
    assert one.hear_text("x\r\ny\x1b") == Clipboard("x\ny")
    one.announce(Offer(Clipboard("x\ny")))
    assert not one.is_due
    one.hear_text("z")
    one.announce(HELLO)
    assert one.data_to_send() == CUT, "it has something else by now"


# -- the extended clipboard


def test_caps_answer_every_list_and_then_there_is_something() -> None:
    one = Announcements(1000)
    one.announce(RICH)
    one.begin()
    assert one.list_encodings(is_extended=True) == wire.caps()
    assert one.data_to_send() == wire.notify(7), "and no text before it, to one who says it at once"
    assert one.list_encodings(is_extended=True) == wire.caps()
    assert not one.is_due
    assert one.list_encodings(is_extended=False) == b""


def test_contents_are_for_those_who_ask() -> None:
    one = told(is_extended=True, offer=RICH)
    assert hear(one, said(REQUEST | TEXT)) == wire.provide({TEXT: "hello\r\n\u00a3\0".encode()})
    assert hear(one, said(REQUEST | TEXT | 0xFFF8)) == RICH.provide(TEXT)
    assert hear(one, said(REQUEST | 7)) == RICH.provide(7) == wire.provide(RICH.contents)
    assert hear(one, said(REQUEST | 8)) == b""
    assert told(is_extended=True).hear(said(REQUEST | 7), is_taken=True) is None


def test_many_requests_are_one() -> None:
    one = told(is_extended=True, offer=RICH)
    for _ in range(500):
        one.hear(said(REQUEST | TEXT), is_taken=True)
        one.hear(said(PEEK), is_taken=True)
        one.hear(said(NOTIFY | TEXT), is_taken=True)
    assert one.data_to_send() == wire.request(TEXT) + wire.notify(7) + RICH.provide(TEXT)


def test_what_is_asked_for_is_the_newest() -> None:
    one = told(is_extended=True, offer=RICH)
    one.hear(said(REQUEST | 7), is_taken=True)
    one.announce(HELLO)
    assert one.data_to_send() == wire.notify(TEXT) + HELLO.provide(TEXT)


@pytest.mark.parametrize(("offer", "formats"), [(NOTHING, 0), (HELLO, TEXT), (RICH, 7)])
def test_peek_is_answered_by_what_there_is(offer: Offer, formats: int) -> None:
    assert hear(told(is_extended=True, offer=offer), said(PEEK)) == wire.notify(formats)


def test_an_emptied_clipboard_is_told() -> None:
    one = told(is_extended=True, offer=HELLO)
    one.announce(NOTHING)
    assert one.data_to_send() == wire.notify(0)
    one.announce(Offer(Clipboard()))
    assert not one.is_due


def test_a_client_is_asked_for_what_it_has_unless_nobody_takes_it() -> None:
    one = told(is_extended=True)
    assert hear(one, said(NOTIFY | TEXT | RTF)) == bytes.fromhex("03 000000 fffffffc 02000003")
    assert hear(one, said(NOTIFY | 8)) == hear(one, said(NOTIFY)) == b""
    assert hear(one, said(NOTIFY | TEXT), is_taken=False) == b""
    hear(one, said(CAPS | PROVIDE | TEXT, bytes(4)))
    assert hear(one, said(NOTIFY | TEXT)) == b"", "it takes no requests"


def test_what_it_gives() -> None:
    one = told(is_extended=True)
    plain = bytes.fromhex("00000008 68656c6c6fc2a300 00000007 7b5c727466317d 00000008 3c623e783c2f623e")
    given = one.hear(said(PROVIDE | 7, zlib.compress(plain)), is_taken=True)
    assert given == Clipboard("hello\u00a3", rb"{\rtf1}", "<b>x</b>")
    one.announce(Offer(Clipboard("hello\u00a3")))
    assert not one.is_due, "an echo, in part"
    one.hear(said(NOTIFY | TEXT), is_taken=True)
    one.data_to_send()
    one.announce(Offer(Clipboard("hello\u00a3", None, "<b>x</b>")))
    assert one.is_due, "it has something new, nobody knows what"
    assert one.hear(said(PROVIDE | 8, zlib.compress(b"\0\0\0\1x")), is_taken=True) is None
    assert one.hear(provide("x"), is_taken=False) is None


def test_caps_limit_what_it_is_told() -> None:
    one = told(is_extended=True)
    hear(one, said(CAPS | NOTIFY | TEXT | HTML, struct.pack(">II", 0, 0)))
    one.announce(RICH)
    assert one.data_to_send() == wire.notify(TEXT | HTML)


def test_without_notify_it_gets_what_it_takes_unasked() -> None:
    one = told(is_extended=True)
    hear(one, said(CAPS | PROVIDE | TEXT | RTF, struct.pack(">II", 10, 6)))
    one.announce(RICH)
    assert one.data_to_send() == RICH.provide(TEXT), "RTF has 7 bytes"
    hear(one, said(CAPS | REQUEST | TEXT, bytes(4)))
    one.announce(HELLO)
    assert one.data_to_send() == b""


def test_who_unlists_it_starts_anew() -> None:
    one = told(is_extended=True, offer=HELLO)
    hear(one, said(CAPS | NOTIFY))
    for flags in (REQUEST | TEXT, PEEK, NOTIFY | TEXT):
        one.hear(said(flags), is_taken=True)
    one.list_encodings(is_extended=False)
    assert one.data_to_send() == b""
    one.list_encodings(is_extended=True)
    assert one.data_to_send() == wire.notify(TEXT), "what it said it takes is forgotten"


@pytest.mark.parametrize("data", [provide("x"), said(NOTIFY | TEXT), said(PEEK)])
def test_unnegotiated_it_is_nothing(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="not negotiated"):
        told().hear(data, is_taken=True)


def test_an_offer_is_made_once_for_all() -> None:
    assert RICH.provide(7) is RICH.provide(0xFFFF) and HELLO.cut_text is HELLO.cut_text


# -- in a session


def session(*, view_only: bool = False, takes_clipboards: bool = True) -> Session:
    handshake = HandshakeSettings((1,), None, None, view_only, bytes(16), Limits(client_cut_text_bytes=10))
    one = Session(handshake, SessionSettings(takes_clipboards=takes_clipboards), 0.0)
    one.clipboards.announce(HELLO)
    one.show(PaintedScreen(golden(8, 8)), "desk")
    return one


def begin(one: Session) -> bytes:
    assert one.receive_data(b"RFB 003.008\n\1\1", 0.0) == [Joined(one.view_only, True)]
    return one.data_to_send()


EXTENDED = struct.pack(">BxHi", 2, 1, Encoding.EXTENDED_CLIPBOARD)


def cut(data: bytes) -> bytes:
    return struct.pack(">Bxxxi", 6, -len(data)) + data


def test_the_clipboard_follows_server_init() -> None:
    assert begin(session()).endswith(b"desk" + CUT)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_a_session_hears_what_is_given_however_it_is_cut(pieces: int) -> None:
    one = session()
    begin(one)
    data = (
        EXTENDED
        + cut(said(PEEK))
        + cut(provide("hi"))
        + cut(said(PROVIDE | TEXT, b"?"))
        + cut(provide("x" * 99))
    )
    data += struct.pack(">Bxxxi", 6, 2) + b"yo" + cut(said(REQUEST | TEXT))
    heard: list[Heard] = []
    for start in range(0, len(data), max(len(data) // pieces, 1)):
        heard += one.receive_data(data[start : start + max(len(data) // pieces, 1)], 0.0)
    assert [type(event) for event in heard] == [Clipboard, IgnoredClipboard, IgnoredClipboard, Clipboard]
    assert (heard[0], heard[3]) == (Clipboard("hi"), Clipboard("yo"))
    assert one.data_to_send().startswith(wire.caps())
    assert not one.is_over


def test_too_long_a_message_ends_the_connection_before_it_comes() -> None:
    one = session()
    begin(one)
    with pytest.raises(ProtocolError, match="length -95, the limit is 94"):
        one.receive_data(bytes.fromhex("06 000000 ffffffa1"), 0.0)


@pytest.mark.parametrize("why", ["it only watches", "all only watch", "nobody wants it"])
def test_what_nobody_takes_is_not_read_and_the_rest_is_as_ever(why: str) -> None:
    one = session(view_only=why == "it only watches", takes_clipboards=why != "nobody wants it")
    begin(one)
    one.is_muted = why == "all only watch"
    said_all = EXTENDED + cut(provide("hi")) + cut(said(NOTIFY | TEXT)) + cut(said(REQUEST | TEXT))
    assert one.receive_data(said_all, 0.0) == []
    assert one.data_to_send() == wire.caps() + wire.notify(TEXT) + HELLO.provide(TEXT)
    large = cut(said(PROVIDE | TEXT, bytes(80)))
    assert one.receive_data(large[:-1], 0.0) == [] and len(one.connection._buffer) == 0, "it is not kept"
    assert one.receive_data(large[-1:], 0.0) == []
