"""The extended clipboard's bytes: what the specification says, and what hostile clients make of it."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.rfb import clipboard
from mpvnc.rfb.clipboard import Caps, Notify, Peek, Provide, Request, read

TEXT, RTF, HTML, DIB = 1, 2, 4, 8
LIMIT = 1000


def pairs(*contents: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(data)) + data for data in contents)


def provided(formats: int, plain: bytes) -> bytes:
    return struct.pack(">I", 0x10000000 | formats) + zlib.compress(plain)


def body(message: bytes) -> bytes:
    """Return what follows the length of a ServerCutText, which has to be right."""
    kind, length = struct.unpack_from(">B3xi", message)
    assert kind == 3 and -length == len(message) - 8
    return message[8:]


# -- what goes out


def test_caps_have_plain_sizes() -> None:
    assert clipboard.caps() == bytes.fromhex("03 000000 fffffff0 1f000007 00000000 00000000 00000000")


def test_request_and_notify_are_flags_alone() -> None:
    assert clipboard.request(TEXT | RTF) == bytes.fromhex("03 000000 fffffffc 02000003")
    assert clipboard.notify(0) == bytes.fromhex("03 000000 fffffffc 08000000")


def test_contents_are_in_the_order_of_bits() -> None:
    text = clipboard.text_to_wire("hello\n\u00a3")
    message = body(clipboard.provide({HTML: b"<b>hello</b>", RTF: rb"{\rtf1}", TEXT: text}))
    assert message[:4] == bytes.fromhex("10000007")
    assert zlib.decompress(message[4:]) == bytes.fromhex(
        "0000000a 68656c6c6f0d0ac2a300 00000007 7b5c727466317d 0000000c 3c623e68656c6c6f3c2f623e"
    )


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb"])
def test_lines_end_in_cr_lf_and_text_in_nul(text: str) -> None:
    assert clipboard.text_to_wire(text) == b"a\r\nb\0"


# -- what comes in


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("08000003", Notify(TEXT | RTF)),
        ("08000000", Notify(0)),
        ("02000001", Request(TEXT)),
        ("0200ffff", Request(0xFFFF)),
        ("04000000", Peek()),
        ("04000007", Peek()),
        ("1f000005 00000400 00000800", Caps(TEXT | HTML, 0x1E000000, {TEXT: 1024, HTML: 2048})),
        ("01000000", Caps(0, 0, {})),
        ("10000000 789c 0300 00000001", Provide({})),
    ],
)
def test_messages(data: str, message: clipboard.Message) -> None:
    assert read(bytes.fromhex(data), LIMIT) == message


def test_contents_of_three_formats() -> None:
    plain = bytes.fromhex("00000008 68656c6c6fc2a300 00000007 7b5c727466317d 00000008 3c623e783c2f623e")
    contents = {TEXT: b"hello\xc2\xa3\0", RTF: rb"{\rtf1}", HTML: b"<b>x</b>"}
    assert read(provided(7, plain), LIMIT) == Provide(contents)


def test_an_unknown_format_is_skipped() -> None:
    assert read(provided(TEXT | DIB | 1 << 15, pairs(b"x\0", b"bitmap", b"?")), LIMIT) == Provide(
        {TEXT: b"x\0"}
    )


def test_a_stream_that_is_flushed_and_not_ended_is_enough() -> None:
    packer = zlib.compressobj()
    data = packer.compress(pairs(b"x\0")) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert read(bytes.fromhex("10000001") + data, LIMIT) == Provide({TEXT: b"x\0"})


HOSTILE = {
    "no flags": b"\x10\0\0",
    "no action": bytes(4),
    "two actions": bytes.fromhex("0a000001"),
    "an action of the future": bytes.fromhex("20000001"),
    "bytes behind a request": bytes.fromhex("02000001 00"),
    "caps with too few sizes": bytes.fromhex("1f000007 00000000 00000000"),
    "caps with too many sizes": bytes.fromhex("1f000001 00000000 00000000"),
    "caps with compressed sizes": bytes.fromhex("1f000007 789c6360400000000c0001"),
    "no zlib": bytes.fromhex("10000001") + b"plain text, no stream",
    "nothing at all": bytes.fromhex("10000001"),
    "too early an end": provided(TEXT, struct.pack(">I", 8) + b"x"),
    "half a size": provided(TEXT, b"\0\0"),
    "a format that is missing": provided(TEXT | RTF, pairs(b"x\0")),
    "more in the stream": provided(TEXT, pairs(b"x\0") + b"y"),
    "more behind the stream": provided(TEXT, pairs(b"x\0")) + b"y",
    "a broken stream": provided(TEXT, pairs(b"x" * 500 + b"\0"))[:-6] + bytes(6),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_understood(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(data, LIMIT)


@pytest.mark.parametrize("formats", [TEXT, DIB])
def test_each_format_has_a_limit(formats: int) -> None:
    read(provided(formats, pairs(bytes(LIMIT))), LIMIT)
    with pytest.raises(LimitExceeded, match="1001"):
        read(provided(formats, pairs(bytes(LIMIT + 1))), LIMIT)


def test_many_formats_have_one_together() -> None:
    with pytest.raises(LimitExceeded):
        read(provided(0xFFFF, pairs(*[bytes(LIMIT)] * 16)), LIMIT)


@pytest.mark.parametrize(
    "plain",
    [struct.pack(">I", 50 << 20) + bytes(50 << 20), pairs(b"x\0") + bytes(50 << 20)],
    ids=["in a format", "behind it"],
)
def test_a_bomb_takes_no_memory(plain: bytes) -> None:
    data = provided(TEXT, plain)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            read(data, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 400_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\0", b"caf\xe9\0"])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        clipboard.text_from_wire(data)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_the_wire(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert clipboard.text_from_wire(clipboard.text_to_wire(text)) == expected


@given(st.dictionaries(st.sampled_from([TEXT, RTF, HTML]), st.binary(max_size=100)))
def test_what_goes_out_is_understood(contents: dict[int, bytes]) -> None:
    assert read(body(clipboard.provide(contents)), LIMIT) == Provide(contents)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda plain: provided(7, plain)))
def test_any_bytes_are_a_message_or_a_protocol_error(data: bytes) -> None:
    try:
        message = read(data, 20)
    except ProtocolError:
        return
    if isinstance(message, Provide):
        assert all(len(data) <= 20 for data in message.contents.values())


def test_a_large_clipboard_is_compressed_fast() -> None:
    fast, thorough = b"\x78\x01", b"\x78\x9c"
    assert clipboard.provide({TEXT: bytes(1 << 20)})[12:14] == fast
    assert clipboard.provide({TEXT: bytes(1 << 10)})[12:14] == thorough
