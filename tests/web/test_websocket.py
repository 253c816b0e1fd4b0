"""WebSockets without sockets: handshake, framing, limits (RFC 6455 sections 4, 5, 7)."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.transport.websocket import silent
from mpvnc.web.http import Request
from mpvnc.web.websocket import Incoming, SizeLimits, handshake, header

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LIMITS = SizeLimits(frame=1024, message=4096)
MASK = b"\1\2\3\4"
BINARY, CONTINUATION, TEXT, CLOSE, PING, PONG = 2, 0, 1, 8, 9, 10


def frame(
    payload: bytes, opcode: int = BINARY, *, fin: bool = True, mask: bytes = MASK, rsv: int = 0
) -> bytes:
    """Return a masked frame as a client sends it, by the letter of RFC 6455 section 5.2."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += struct.pack(">BH", 0xFE, size) if size < 65536 else struct.pack(">BQ", 0xFF, size)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def incoming(limits: SizeLimits = LIMITS) -> Incoming:
    return Incoming(limits, silent)


def feed(side: Incoming, data: bytes) -> bytes:
    payload = side.take_short(data)
    return side.receive_data(data) if payload is None else payload


def close_code(side: Incoming) -> int:
    """Return the code of the close frame that is the last reply."""
    reply = side.replies()[-1]
    assert side.is_over and reply[0] == 0x88
    return struct.unpack_from(">H", reply, 2)[0]


def request(**changes: str | None) -> Request:
    fields = {
        "host": "127.0.0.1", "upgrade": "websocket", "connection": "keep-alive, Upgrade",
        "sec-websocket-key": KEY, "sec-websocket-version": "13",
    }  # fmt: skip
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    return Request(
        "GET", "/websockify", tuple((name, value) for name, value in fields.items() if value is not None)
    )


# -- handshake


def test_the_handshake_of_the_rfc() -> None:
    answer = handshake(request(), silent)
    fields = dict(answer.headers)
    assert answer.status == 101
    assert fields["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "Sec-WebSocket-Protocol" not in fields and "Sec-WebSocket-Extensions" not in fields


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("binary", "binary"), ("base64, binary", "binary"), ("base64", None), ("chat, superchat", None)],
)
def test_the_subprotocol_is_binary_or_none(offered: str, chosen: str | None) -> None:
    answer = handshake(request(sec_websocket_protocol=offered), silent)
    assert (answer.status, dict(answer.headers).get("Sec-WebSocket-Protocol")) == (101, chosen)


def test_nothing_is_compressed() -> None:
    answer = handshake(request(sec_websocket_extensions="permessage-deflate; client_max_window_bits"), silent)
    assert answer.status == 101 and "Sec-WebSocket-Extensions" not in dict(answer.headers)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_version": None}, 400),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": "c2hvcnQ="}, 400),
        ({"sec_websocket_key": "no base64!"}, 400),
        ({"connection": "keep-alive"}, 426),
        ({"connection": None}, 426),
        ({"sec_websocket_protocol": "(, )"}, 400),
        ({"content_length": "3"}, 400),
        ({"transfer_encoding": "chunked"}, 400),
    ],
)
def test_what_is_no_handshake_is_told_so(changes: dict[str, str | None], status: int) -> None:
    answer = handshake(request(**changes), silent)
    assert answer.status == status and answer.body
    if changes.get("sec_websocket_version"):
        assert dict(answer.headers)["Sec-WebSocket-Version"] == "13"
    named = (("Upgrade", "websocket") in answer.headers, ("Connection", "Upgrade") in answer.headers)
    assert named == (status == 426, status == 426)


def test_only_get_of_http_1_1_opens_one() -> None:
    assert handshake(request()._replace(method="POST"), silent).status == 405
    assert handshake(request()._replace(version="1.0"), silent).status == 505


# -- what goes out


@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536, 8 << 20])
def test_headers_are_short_and_unmasked(size: int) -> None:
    head = header(size)
    assert head[0] == 0x82 and len(head) == {True: 2, size > 125: 4, size > 65535: 10}[True]
    said = head[1] if size < 126 else int.from_bytes(head[2:], "big")
    assert said == size and head[1] < 128


# -- what comes in


def test_the_vectors() -> None:
    side = incoming()
    assert feed(side, bytes.fromhex("0283010203046967 6f")) == b"hel"
    assert feed(side, bytes.fromhex("808201020304 6d6d")) == b"lo"
    assert feed(side, bytes.fromhex("898301020304 606060")) == b""
    assert side.replies() == [bytes.fromhex("8a03616263")]
    assert not side.is_over


MESSAGES = st.lists(
    st.tuples(st.binary(min_size=0, max_size=300), st.sampled_from(["whole", "split", "pinged"])), max_size=8
)


def stream_of(messages: list[tuple[bytes, str]]) -> bytes:
    sent = b""
    for payload, how in messages:
        if how == "whole":
            sent += frame(payload, mask=payload[:4].ljust(4, b"m"))
            continue
        half = len(payload) // 2
        between = frame(b"hi", PING) if how == "pinged" else b""
        sent += frame(payload[:half], fin=False) + between + frame(payload[half:], CONTINUATION)
    return sent


@given(MESSAGES, st.lists(st.integers(1, 50), max_size=20))
def test_any_cut_and_any_framing_give_the_same_bytes(
    messages: list[tuple[bytes, str]], cuts: list[int]
) -> None:
    side, left, got = incoming(), stream_of(messages), b""
    for cut in [*cuts, len(left)]:
        piece, left = left[:cut], left[cut:]
        got += feed(side, piece) if piece else b""
    assert got == b"".join(payload for payload, _ in messages)
    pongs = [reply for reply in side.replies() if reply[0] == 0x8A]
    assert pongs == [b"\x8a\x02hi"] * sum(how == "pinged" for _, how in messages)
    assert not side.is_over


@given(st.lists(st.binary(min_size=1, max_size=125), min_size=1, max_size=6), st.integers(0, 3))
def test_the_short_way_and_the_long_way_are_one(payloads: list[bytes], cut: int) -> None:
    """A short message behind the first piece of another one is no message of its own."""
    side, sent = incoming(), b"".join(map(frame, payloads))
    got = feed(side, sent[:cut]) if cut else b""
    got += feed(side, sent[cut:])
    for payload in payloads:
        got += feed(side, frame(payload))
    assert got == b"".join(payloads * 2)


def test_what_looks_like_a_message_inside_another_one_is_none() -> None:
    side, inner = incoming(), frame(b"abcd")
    outer = frame(inner, mask=bytes(4))
    assert feed(side, outer[:6]) == b""
    assert feed(side, outer[6:]) == inner
    assert feed(side, frame(b"a", fin=False)) == b"a"
    side.take_short(inner)
    feed(side, inner)
    assert close_code(side) == 1002


def test_a_length_that_is_longer_than_it_need_be_costs_the_short_way_alone() -> None:
    side = incoming()
    odd = b"\x82\xfe\x00\x02" + bytes(4) + b"ab"
    assert [feed(side, odd), feed(side, frame(b"cd")), feed(side, odd)] == [b"ab", b"cd", b"ab"]


@given(st.binary(min_size=1, max_size=400))
def test_rubbish_raises_nothing_and_takes_no_more_than_the_limit(data: bytes) -> None:
    side = incoming()
    assert len(feed(side, data)) <= len(data)
    side.replies()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes.fromhex("820568656c6c6f"), 1002),
        (bytes.fromhex("818501020304 69676f686e"), 1003),
        (frame(b"he", TEXT, fin=False), 1003),
        (frame(b"a", rsv=4), 1002),
        (frame(b"a", rsv=1), 1002),
        (frame(b"a", 3), 1002),
        (frame(b"a", 11), 1002),
        (frame(b"a" * 126, PING), 1002),
        (frame(b"a", PING, fin=False), 1002),
        (frame(b"a", CONTINUATION), 1002),
        (frame(b"a", fin=False) + frame(b"b"), 1002),
        (frame(b"\3", CLOSE), 1002),
        (frame(struct.pack(">H", 1005), CLOSE), 1002),
        (frame(struct.pack(">H", 1000) + b"\xff", CLOSE), 1007),
        (bytes.fromhex("82fe0800"), 1009),
        (bytes.fromhex("82ff7fffffffffffffff"), 1009),
    ],
    ids=["unmasked", "text", "text fragment", "rsv1", "rsv3", "opcode 3", "opcode 11", "long ping", "cut ping",
         "continues nothing", "message in a message", "short close", "close 1005", "close not utf-8", "too long",
         "far too long"],
)  # fmt: skip
def test_what_breaks_the_rules_ends_it(data: bytes, code: int) -> None:
    side = incoming()
    feed(side, data)
    assert close_code(side) == code
    assert side.receive_data(frame(b"more")) == b""


def test_fragments_without_end_meet_the_limit_of_a_message() -> None:
    side, taken = incoming(), len(feed(incoming(), frame(b"x" * 1000, fin=False)))
    feed(side, frame(b"x" * 1000, fin=False))
    while not side.is_over:
        taken += len(feed(side, frame(b"x" * 1000, CONTINUATION, fin=False)))
        assert taken <= LIMITS.message
    assert close_code(side) == 1009


def test_larger_limits_hold_from_the_next_frame_on() -> None:
    side = incoming()
    side.set_limits(SizeLimits(1 << 20, 1 << 20))
    assert feed(side, frame(b"y" * 70000)) == b"y" * 70000
    assert feed(side, frame(b"y" * (1 << 20), mask=bytes(4))[:20]) == b""
    assert not side.is_over


def test_a_message_of_1_mib_is_unmasked_within_20_ms() -> None:
    size = 1 << 20
    payload, took_s = bytes(range(256)) * (size // 256), []
    mask = int.from_bytes(MASK * (size // 4), "big")
    masked = (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")
    for _ in range(5):
        side = incoming(SizeLimits(size, size))
        began = time.perf_counter()
        got = feed(side, b"\x82\xff" + struct.pack(">Q", size) + MASK + masked)
        took_s.append(time.perf_counter() - began)
        assert got == payload
    assert min(took_s) < 0.02


def test_a_close_is_answered_with_its_code() -> None:
    side = incoming()
    assert feed(side, frame(b"last") + frame(struct.pack(">H", 1000) + b"bye", CLOSE)) == b"last"
    assert side.replies() == [b"\x88\x05\x03\xe8bye"]
    assert side.is_over
    side.close(1000)
    assert side.replies() == []


def test_we_close() -> None:
    side = incoming()
    side.close(1000)
    assert close_code(side) == 1000
