import struct
import tracemalloc

import pytest

from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.geometry import Rect
from mpvnc.pixels import PixelFormat
from mpvnc.rfb import events
from mpvnc.rfb.buffer import NeedMoreData, ReceiveBuffer
from mpvnc.rfb.messages import PARSERS, Limits, parse_message

SMALL = Limits(set_encodings=3, client_cut_text_bytes=10)

SET_PIXEL_FORMAT = bytes([
    0, 0, 0, 0,              # type, padding
    16, 16, 0, 1,            # bits per pixel, depth, little endian, true colour
    0, 31, 0, 63, 0, 31,     # maxima
    11, 5, 0,                # shifts
    0, 0, 0,                 # padding
])  # fmt: skip

MESSAGES = {
    "SetPixelFormat": (
        SET_PIXEL_FORMAT,
        events.SetPixelFormat(PixelFormat(16, 16, False, True, 31, 63, 31, 11, 5, 0)),
    ),
    "SetEncodings": (
        bytes([
            2, 0, 0, 3,               # type, padding, three of them
            0, 0, 0, 7,               # Tight
            0xFF, 0xFF, 0xFF, 0x21,   # -223, DesktopSize: the numbers are signed
            0, 0, 0, 7,               # a duplicate is kept: the list is the client's
        ]),
        events.SetEncodings((7, -223, 7)),
    ),
    "no encodings": (bytes([2, 0, 0, 0]), events.SetEncodings(())),
    "FramebufferUpdateRequest": (
        bytes([
            3, 1,                     # type, incremental
            0, 1, 2, 3, 0xFF, 0xFF, 0, 0,   # x, y, width, height: as they come, also empty
        ]),
        events.FramebufferUpdateRequest(True, Rect(1, 0x203, 0xFFFF, 0)),
    ),
    "FramebufferUpdateRequest, full": (
        bytes([3, 0, 0, 0, 0, 0, 0, 8, 0, 6]),
        events.FramebufferUpdateRequest(False, Rect(0, 0, 8, 6)),
    ),
    "KeyEvent, down": (
        bytes([4, 1, 0, 0, 0, 0, 0xFF, 0x0D]),   # type, down, padding, Return
        events.KeyEvent(True, 0xFF0D),
    ),
    "KeyEvent, up": (
        bytes([4, 0, 9, 9, 1, 0, 0x20, 0xAC]),   # padding may be anything
        events.KeyEvent(False, 0x010020AC),
    ),
    "KeyEvent, down is not 0": (bytes([4, 2, 0, 0, 0, 0, 0, 0x61]), events.KeyEvent(True, 0x61)),
    "PointerEvent": (
        bytes([5, 0x81, 1, 0, 0, 2]),            # type, buttons 8 and 1, x, y
        events.PointerEvent(0x81, 256, 2),
    ),
    "ClientCutText": (
        bytes([6, 0, 0, 0, 0, 0, 0, 6]) + b"hello\xa3",   # type, padding, length, Latin-1
        events.ClientCutText("hello£"),
    ),
    "ClientCutText of the extended clipboard": (
        bytes.fromhex("06 000000 fffffffc 08000003"),
        events.ExtendedCutText(bytes.fromhex("08000003")),
    ),
    "empty ClientCutText": (bytes([6, 0, 0, 0, 0, 0, 0, 0]), events.ClientCutText("")),
    "ClientCutText at the limit": (
        bytes([6, 0, 0, 0, 0, 0, 0, 10]) + b"0123456789",
        events.ClientCutText("0123456789"),
    ),
    "EnableContinuousUpdates": (
        bytes([150, 1, 0, 1, 0, 2, 0, 3, 0, 4]),  # type, enable, x, y, width, height
        events.EnableContinuousUpdates(True, Rect(1, 2, 3, 4)),
    ),
    "EnableContinuousUpdates, off": (
        bytes([150, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        events.EnableContinuousUpdates(False, Rect(0, 0, 0, 0)),
    ),
    "ClientFence": (
        bytes([
            248, 0, 0, 0,             # type, padding
            0x80, 0, 0, 0x0B,         # Request, an unknown bit, BlockAfter, BlockBefore
            3,                        # length
        ]) + b"abc",
        events.Fence(0x8000000B, b"abc"),
    ),
    "ClientFence, 64 bytes": (
        bytes([248, 0, 0, 0, 0, 0, 0, 0, 64]) + bytes(64),
        events.Fence(0, bytes(64)),
    ),
    "SetDesktopSize": (
        bytes([
            251, 0,                   # type, padding
            4, 0, 3, 0,               # width 1024, height 768
            2, 0,                     # two screens, padding
            0, 0, 0, 5,               # id
            0, 0, 0, 0, 2, 0, 3, 0,   # x, y, width, height
            0, 0, 0, 0,               # flags
            0xDE, 0xAD, 0xBE, 0xEF,   # id
            2, 0, 0, 0, 2, 0, 3, 0,
            0x80, 0, 0, 1,            # flags: unknown ones are kept
        ]),
        events.SetDesktopSize(
            1024, 768,
            (
                events.Screen(5, Rect(0, 0, 512, 768), 0),
                events.Screen(0xDEADBEEF, Rect(512, 0, 512, 768), 0x80000001),
            ),
        ),
    ),
    "SetDesktopSize, no screen": (
        bytes([251, 0, 0, 8, 0, 6, 0, 0]),
        events.SetDesktopSize(8, 6, ()),
    ),
}  # fmt: skip


def buffer_of(data: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer()
    buffer.append(data)
    return buffer


@pytest.mark.parametrize(("data", "event"), MESSAGES.values(), ids=MESSAGES)
def test_message_is_read_and_nothing_behind_it(data, event):
    buffer = buffer_of(data + b"\x2a")
    assert parse_message(buffer, SMALL) == event
    assert buffer.take(len(buffer)) == b"\x2a"


@pytest.mark.parametrize("data", [data for data, _ in MESSAGES.values()], ids=MESSAGES)
def test_every_beginning_of_a_message_waits_for_more(data):
    for length in range(len(data)):
        with pytest.raises(NeedMoreData):
            parse_message(buffer_of(data[:length]), SMALL)


def test_every_parser_has_a_vector():
    assert {data[0] for data, _ in MESSAGES.values()} == set(PARSERS)


def test_flags_are_booleans():
    assert parse_message(buffer_of(bytes([4, 7, 0, 0, 0, 0, 0, 1])), SMALL).down is True


@pytest.mark.parametrize(
    "header",
    [
        bytes([2, 0, 0, 4]),  # SetEncodings, one more than the limit
        bytes([6, 0, 0, 0, 0, 0, 0, 11]),  # ClientCutText, one more than the limit
        bytes(
            [6, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xA1]
        ),  # length -95: the extended clipboard, more than 3 * 10 + 64
        bytes([6, 0, 0, 0, 0x80, 0, 0, 0]),  # the most negative
        bytes([248, 0, 0, 0, 0, 0, 0, 0, 65]),  # ClientFence, one more than the limit
    ],
)
def test_a_limit_is_met_before_the_body_is_waited_for(header):
    with pytest.raises(LimitExceeded):
        parse_message(buffer_of(header), SMALL)


def test_default_limits():
    with pytest.raises(LimitExceeded, match=r"1025.*1024"):
        parse_message(buffer_of(bytes([2, 0, 4, 1])), Limits())
    full = parse_message(buffer_of(bytes([2, 0, 4, 0]) + bytes(4096)), Limits())
    assert full == events.SetEncodings((0,) * 1024)
    with pytest.raises(NeedMoreData):  # 256 KiB
        parse_message(buffer_of(bytes([6, 0, 0, 0, 0, 4, 0, 0])), Limits())
    with pytest.raises(LimitExceeded, match="262145"):
        parse_message(buffer_of(bytes([6, 0, 0, 0, 0, 4, 0, 1])), Limits())


def test_a_large_length_takes_no_memory_by_itself():
    buffer = buffer_of(bytes([6, 0, 0, 0, 1, 0, 0, 0]) + bytes(1000))
    tracemalloc.start()
    with pytest.raises(NeedMoreData):
        parse_message(buffer, Limits(client_cut_text_bytes=16 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 10


def set_pixel_format(*fields: int) -> bytes:
    return bytes(4) + struct.pack(">BBBBHHHBBB3x", *fields)


def test_colour_maps_are_refused_by_name():
    data = set_pixel_format(8, 8, 0, 0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ProtocolError, match="colour maps are not supported"):
        parse_message(buffer_of(data), SMALL)


@pytest.mark.parametrize(
    "fields",
    [
        (0x18, 0x20, 0, 1, 255, 255, 255, 16, 8, 0),  # 24 bits per pixel, depth 32
        (16, 24, 0, 1, 31, 63, 31, 11, 5, 0),  # depth beyond the pixel
        (32, 24, 0, 1, 255, 0, 255, 16, 8, 0),  # a channel that has no values
        (32, 24, 0, 1, 255, 255, 255, 30, 8, 0),  # a shift out of the pixel
        (32, 24, 0, 1, 255, 255, 255, 255, 8, 0),
        (32, 24, 0, 1, 255, 255, 255, 8, 8, 0),  # channels over each other
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ],
)
def test_impossible_pixel_formats_are_refused(fields):
    with pytest.raises(ProtocolError, match="pixel format"):
        parse_message(buffer_of(set_pixel_format(*fields)), SMALL)


@pytest.mark.parametrize("message_type", sorted(set(range(256)) - set(PARSERS)))
def test_unknown_types_are_refused_by_number(message_type):
    with pytest.raises(ProtocolError, match=f"unknown message type {message_type} "):
        parse_message(buffer_of(bytes([message_type])), SMALL)
