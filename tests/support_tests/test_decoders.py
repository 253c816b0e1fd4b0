"""The decoders against bytes made by hand from the specification: what is right, and what must be refused."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from tests.support import golden
from tests.support.decoders.base import DecoderState, Rect, decode_all
from tests.support.decoders.registry import DECODERS
from tests.support.errors import DecodeError
from tests.support.formats import BGRX, FORMATS, RGB332, RGB565
from tests.support.pixelformat import Image, PixelFormat

RAW, COPYRECT, RRE, HEXTILE, ZLIB, TIGHT, ZRLE, JPEG = 0, 1, 2, 5, 6, 7, 16, 21
QUALITY_9 = -23
RED, GREEN, BLUE, BLACK = 0xFF0000, 0x00FF00, 0x0000FF, 0


def state_of(fmt: PixelFormat = BGRX, *listed: int) -> DecoderState:
    return DecoderState(fmt, np.zeros((8, 16), np.uint32), frozenset(listed))


def decode(
    encoding: int, size: tuple[int, int], data: bytes, state: DecoderState | None = None
) -> list[list[int]]:
    image = decode_all(DECODERS[encoding], Rect(0, 0, *size), state or state_of(), data)
    assert image.shape == size[::-1]
    return image.tolist()


def refuse(
    encoding: int, size: tuple[int, int], data: bytes, why: str, state: DecoderState | None = None
) -> None:
    with pytest.raises(DecodeError, match=why):
        decode(encoding, size, data, state)


def px(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


class Deflater:
    """A server's long-lived stream: each fragment ends with a sync flush."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def __call__(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)


def u32(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def zrle(data: bytes) -> bytes:
    return u32(Deflater()(data))


# Raw, CopyRect


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_raw_reads_every_format(fmt: PixelFormat) -> None:
    scene = golden.golden(5, 3)
    values = fmt.from_rgb(scene)
    assert decode(RAW, (5, 3), fmt.wire(values), state_of(fmt)) == values.tolist()
    assert fmt.from_rgb(fmt.to_rgb(values)).tolist() == values.tolist()


def test_raw_of_565_in_both_orders() -> None:
    colour = np.array([[0x332211]], np.uint32)
    assert RGB565.wire(RGB565.from_rgb(colour)).hex() == "0231"
    assert FORMATS["rgb565-big"].wire(RGB565.from_rgb(colour)).hex() == "3102"
    assert decode(RAW, (1, 1), bytes.fromhex("0231"), state_of(RGB565)) == [[0x3102]]


def test_raw_of_222() -> None:
    reds = np.array([[0xFF0000, 0x00FF00]], np.uint32)
    assert FORMATS["rgb222"].wire(FORMATS["rgb222"].from_rgb(reds)).hex() == "300c"


@pytest.mark.parametrize("data", [b"", px(RED), px(RED, RED, RED), px(RED, RED)[:-1]])
def test_raw_of_another_length_is_refused(data: bytes) -> None:
    refuse(RAW, (2, 1), data, "ends early|left over")


def test_copyrect_takes_the_framebuffer_as_it_is() -> None:
    state = state_of()
    state.framebuffer[1:3] = [[RED], [GREEN]]
    assert decode(COPYRECT, (8, 2), bytes.fromhex("00000001"), state) == [[RED] * 8, [GREEN] * 8]


@pytest.mark.parametrize("source", [(9, 0), (0, 7), (65535, 65535)])
def test_copyrect_from_outside_is_refused(source: tuple[int, int]) -> None:
    refuse(COPYRECT, (8, 2), struct.pack(">HH", *source), "not within")


# RRE


def test_rre_solid() -> None:
    assert decode(RRE, (8, 8), bytes(4) + px(RED)) == [[RED] * 8] * 8


def test_rre_subrectangles() -> None:
    data = struct.pack(">I", 2) + px(BLACK) + px(RED) + struct.pack(">4H", 0, 0, 2, 1)
    data += px(BLUE) + struct.pack(">4H", 1, 0, 1, 2)
    assert decode(RRE, (2, 2), data) == [[RED, BLUE], [BLACK, BLUE]]


@pytest.mark.parametrize(
    ("value", "area", "why"),
    [
        (RED, (1, 0, 2, 1), "not within"),
        (RED, (0, 2, 1, 1), "not within"),
        (RED, (0, 0, 0, 1), "empty"),
        (BLACK, (0, 0, 1, 1), "background"),
    ],
)
def test_rre_bad_subrectangles(value: int, area: tuple[int, int, int, int], why: str) -> None:
    refuse(RRE, (2, 2), struct.pack(">I", 1) + px(BLACK, value) + struct.pack(">4H", *area), why)


def test_raw_pixels_labelled_rre_are_refused() -> None:
    refuse(RRE, (4, 4), px(*range(0x10101, 0x10111)), "subrectangles|early")


# Hextile


def test_hextile_raw_and_solid_tiles() -> None:
    assert decode(HEXTILE, (2, 1), b"\x01" + px(RED, BLUE)) == [[RED, BLUE]]
    assert decode(HEXTILE, (2, 1), b"\x02" + px(RED)) == [[RED, RED]]


def test_hextile_carries_colours_over() -> None:
    subrects = b"\x01\x00\x00"
    data = b"\x0e" + px(RED, BLUE) + subrects + b"\x00" + b"\x08" + subrects
    row = decode(HEXTILE, (48, 1), data)[0]
    assert row == [BLUE] + [RED] * 31 + [BLUE] + [RED] * 15


def test_hextile_coloured_subrectangles() -> None:
    data = b"\x1a" + px(BLACK) + b"\x02" + px(RED) + b"\x00\x10" + px(GREEN) + b"\x21\x00"
    assert decode(HEXTILE, (3, 2), data) == [[RED, RED, BLACK], [BLACK, BLACK, GREEN]]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00", "no background"),
        (b"\x01" + px(*[RED] * 16) + b"\x00", "no background"),
        (b"\x0a" + px(RED) + b"\x01\x00\x00", "no foreground"),
        (
            b"\x0e" + px(RED, BLUE) + b"\x00" + b"\x1a" + px(RED) + b"\x00" + b"\x08\x01\x00\x00",
            "no foreground",
        ),
        (
            b"\x06" + px(RED, BLUE) + b"\x01" + px(*[RED] * 16) + b"\x0a" + px(RED) + b"\x01\0\0",
            "no foreground",
        ),
        (b"\x1e" + px(RED, BLUE) + b"\x00", "coloured"),
        (b"\x22" + px(RED), "unknown bits"),
        (b"\x0e" + px(RED, BLUE) + b"\x01\xf0\x10", "not within"),
        (b"\x0e" + px(RED, BLUE) + b"\x01\x00\x01", "not within"),
        (b"\x02" + px(RED) + b"\x00\x00\x00", "left over"),
    ],
)
def test_hextile_refuses(data: bytes, why: str) -> None:
    width = 48 if why == "no foreground" and data[0] != 0x0A else 32
    refuse(HEXTILE, (width, 1), data, why)


# Zlib


def test_zlib_is_one_stream_for_the_connection() -> None:
    state, deflate = state_of(), Deflater()
    for colour in (0x41, 0x42):
        assert decode(ZLIB, (1, 1), u32(deflate(px(colour))), state) == [[colour]]


def test_zlib_spliced_raw_fragments() -> None:
    state = state_of()
    for number, colour in enumerate((RED, GREEN, RED)):
        raw = zlib.compressobj(wbits=-15)
        fragment = raw.compress(px(colour)) + raw.flush(zlib.Z_SYNC_FLUSH)
        assert decode(ZLIB, (1, 1), u32((b"" if number else b"\x78\x01") + fragment), state) == [[colour]]


def test_zlib_refuses() -> None:
    refuse(ZLIB, (1, 1), u32(Deflater()(px(RED, RED))), "more than 4")
    refuse(ZLIB, (2, 1), u32(Deflater()(px(RED))), "4 bytes instead of 8")
    refuse(ZLIB, (1, 1), u32(zlib.compress(px(RED))), "has to live on")
    refuse(ZLIB, (1, 1), u32(b"no deflate data"), "deflate")
    state, deflate = state_of(), Deflater()
    decode(ZLIB, (1, 1), u32(deflate(px(RED))), state)
    refuse(ZLIB, (1, 1), u32(Deflater()(px(RED))), "deflate", state)


# ZRLE


def test_zrle_solid_tiles() -> None:
    state = DecoderState(FORMATS["bgrx"], np.zeros((1, 1), np.uint32))
    assert decode(ZRLE, (8, 8), zrle(bytes.fromhex("01ff0000")), state) == [[0x0000FF] * 8] * 8
    assert decode(ZRLE, (8, 8), zrle(bytes.fromhex("011234")), state_of(RGB565)) == [[0x3412] * 8] * 8


def test_zrle_packed_palette() -> None:
    data = zrle(bytes.fromhex("02 010000 020000 0f"))
    assert decode(ZRLE, (8, 1), data) == [[1, 1, 1, 1, 2, 2, 2, 2]]
    four = zrle(bytes([4]) + b"".join(bytes([n, 0, 0]) for n in range(4)) + bytes([0b00011011, 0b11000000]))
    assert decode(ZRLE, (5, 1), four) == [[0, 1, 2, 3, 3]]
    five = zrle(bytes([5]) + b"".join(bytes([n, 0, 0]) for n in range(5)) + bytes([0x43, 0x20]))
    assert decode(ZRLE, (3, 1), five) == [[4, 3, 2]]


def test_zrle_runs() -> None:
    plain = zrle(bytes([128]) + bytes([7, 0, 0, 255, 255, 0]) + bytes([8, 0, 0, 0]))
    assert decode(ZRLE, (64, 8), plain)[7] == [7] * 63 + [8]
    runs = zrle(bytes([130, 7, 0, 0, 9, 0, 0, 0x81, 1, 0, 0x80, 0]))
    refuse(ZRLE, (4, 1), runs, "run of 1")
    runs = zrle(bytes([130, 7, 0, 0, 9, 0, 0, 0x81, 1, 0, 1]))
    assert decode(ZRLE, (4, 1), runs) == [[9, 9, 7, 9]]


@pytest.mark.parametrize(
    ("name", "cpixel", "value"),
    [
        ("bgrx", "010203", 0x030201),
        ("bgrx-big", "010203", 0x010203),
        ("xbgr", "010203", 0x03020100),
        ("xbgr-big", "010203", 0x01020300),
        ("spread", "01020304", 0x04030201),
        ("depth32", "01020304", 0x04030201),
        ("30bit", "01020304", 0x04030201),
        ("32bit-depth16", "010203", 0x030201),
        ("rgb565-big", "0102", 0x0102),
        ("rgb332", "01", 1),
    ],
)
def test_zrle_cpixel(name: str, cpixel: str, value: int) -> None:
    assert decode(ZRLE, (1, 1), zrle(bytes.fromhex("01" + cpixel)), state_of(FORMATS[name])) == [[value]]


def test_zrle_is_one_stream_and_tiles_are_clipped() -> None:
    state, deflate = state_of(), Deflater()
    noise = golden.noise(65, 65)
    tiles = (noise[:64, :64], noise[:64, 64:], noise[64:, :64], noise[64:, 64:])
    data = b"".join(
        b"\0" + tile.astype("<u4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes() for tile in tiles
    )
    for scene in (solid_zrle, data, solid_zrle):
        image = decode_all(DECODERS[ZRLE], Rect(0, 0, 65, 65), state, u32(deflate(scene)))
        assert np.array_equal(image, noise if scene is data else np.full((65, 65), 5))


solid_zrle = bytes([1, 5, 0, 0]) * 4


@pytest.mark.parametrize("subencoding", [17, 64, 127, 129])
def test_zrle_unused_subencodings(subencoding: int) -> None:
    refuse(ZRLE, (4, 1), zrle(bytes([subencoding]) + bytes(100)), "not used")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bytes([128, 1, 0, 0, 4]), "runs of 5"),
        (bytes([130, 1, 0, 0, 2, 0, 0, 0x80, 9]), "runs of 10"),
        (bytes([130, 1, 0, 0, 2, 0, 0, 2, 0, 0, 0]), "index 2 into 2"),
        (bytes([3, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0b11000000]), "index 3 into 3"),
        (bytes([1, 1, 0, 0, 0]), "left over"),
        (bytes([1, 1, 0]), "end within"),
        (b"", "end within"),
    ],
)
def test_zrle_refuses(data: bytes, why: str) -> None:
    refuse(ZRLE, (4, 1), zrle(data), why)


# Tight


def test_tight_fill() -> None:
    assert decode(TIGHT, (8, 8), bytes.fromhex("80ff0000")) == [[RED] * 8] * 8
    assert decode(TIGHT, (8, 8), bytes.fromhex("80ff0000"), state_of(FORMATS["rgbx"])) == [[0x0000FF] * 8] * 8
    assert decode(TIGHT, (1, 1), bytes.fromhex("80ff000001"), state_of(FORMATS["depth32"])) == [[0x010000FF]]


def test_tight_small_data_are_not_compressed() -> None:
    assert decode(TIGHT, (3, 1), bytes.fromhex("00 ff0000 00ff00 0000ff")) == [[RED, GREEN, BLUE]]
    three = bytes.fromhex("60 01 02 ff0000 00ff00 0000ff 02 01 00")
    assert decode(TIGHT, (3, 1), three) == [[BLUE, GREEN, RED]]
    mono = bytes.fromhex("50 01 01 ff0000 00ff00 00 ff")
    assert decode(TIGHT, (8, 2), mono) == [[RED] * 8, [GREEN] * 8]


def compact(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    if length < 16384:
        return bytes([length & 127 | 128, length >> 7])
    return bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14])


def test_tight_compact_length_example_of_the_specification() -> None:
    assert compact(10000).hex() == "904e"


def test_tight_streams_live_on_until_reset() -> None:
    state, deflate = state_of(), Deflater()
    row = bytes.fromhex("ff0000") * 4
    for control in (0x20, 0x20):
        fragment = deflate(row)
        assert decode(TIGHT, (4, 1), bytes([control]) + compact(len(fragment)) + fragment, state) == [
            [RED] * 4
        ]
    fresh = Deflater()(row)
    assert decode(TIGHT, (4, 1), bytes([0x24]) + compact(len(fresh)) + fresh, state) == [[RED] * 4]
    decode(TIGHT, (1, 1), bytes.fromhex("84000000"), state)
    assert decode(TIGHT, (4, 1), bytes([0x20]) + compact(len(fresh)) + fresh, state) == [[RED] * 4]
    refuse(TIGHT, (4, 1), bytes([0x20]) + compact(len(fresh)) + fresh, "deflate", state)


def test_tight_length_of_three_bytes() -> None:
    noise = golden.noise(128, 128)
    channels = noise.astype(">u4").reshape(-1, 1).view(np.uint8)[:, 1:]
    fragment = Deflater()(channels.tobytes())
    assert len(compact(len(fragment))) == 3
    assert decode(TIGHT, (128, 128), b"\x00" + compact(len(fragment)) + fragment) == noise.tolist()


def test_tight_256_colours() -> None:
    state, deflate = state_of(), Deflater()
    palette = b"".join(bytes([n, n, 0]) for n in range(256))
    fragment = deflate(bytes(range(256)))
    data = b"\x60\x01\xff" + palette + compact(len(fragment)) + fragment
    assert decode(TIGHT, (16, 16), data, state)[1][2] == 0x121200


def test_tight_gradient() -> None:
    differences = bytes([10, 250, 0, 5, 10, 0, 3, 0, 0, 250, 0, 0])
    fragment = Deflater()(differences)
    data = b"\x40\x02" + compact(len(fragment)) + fragment
    # second row, red: 10 + 3 = 13; then 13 + 15 - 10 = 18 is predicted, 18 + 250 = 12 (mod 256)
    assert decode(TIGHT, (2, 2), data) == [[0x0AFA00, 0x0F0400], [0x0DFA00, 0x0C0400]]


def test_tight_without_zlib_must_be_listed() -> None:
    data = bytes([0xA0]) + bytes(12 * 3)
    refuse(TIGHT, (12, 1), data, "-317")
    assert decode(TIGHT, (12, 1), data, state_of(BGRX, -317)) == [[0] * 12]


def tight_basic(fragment: bytes, *, length: bytes | None = None) -> bytes:
    return b"\x00" + (compact(len(fragment)) if length is None else length) + fragment


@pytest.mark.parametrize(
    ("size", "data", "why"),
    [
        ((2049, 1), bytes.fromhex("80ff0000"), "2049 pixels wide"),
        ((1, 1), bytes.fromhex("b0ff0000"), "invalid"),
        ((1, 1), bytes.fromhex("c0ff0000"), "invalid"),
        ((1, 1), bytes.fromhex("f0ff0000"), "invalid"),
        ((1, 1), bytes.fromhex("4003ff0000"), "filter 3"),
        ((1, 1), bytes.fromhex("400100ff0000"), "palette of 1"),
        ((3, 1), bytes.fromhex("60 01 02 ff0000 00ff00 0000ff 02 01 03"), "index 3 into 3"),
        ((1, 1), bytes.fromhex("90 00"), "no quality level"),
        ((4, 1), tight_basic(Deflater()(bytes(13))), "more than 12"),
        ((4, 1), tight_basic(Deflater()(bytes(11))), "11 bytes instead"),
        ((4, 1), tight_basic(Deflater()(bytes(12)), length=b"\x90\x00"), "in two bytes"),
        ((4, 1), tight_basic(Deflater()(bytes(12)), length=b"\x90\x80\x00"), "in three bytes"),
        ((4, 1), tight_basic(zlib.compress(bytes(12))), "has to live on"),
        ((3, 1), b"\x00" + bytes(10), "left over"),
    ],
)
def test_tight_refuses(size: tuple[int, int], data: bytes, why: str) -> None:
    refuse(TIGHT, size, data, why)


def test_tight_at_8_bits_has_neither_jpeg_nor_gradient() -> None:
    refuse(TIGHT, (1, 1), bytes.fromhex("9000"), "8 bits", state_of(RGB332, QUALITY_9))
    refuse(TIGHT, (1, 1), bytes.fromhex("400200"), "8 bits", state_of(RGB332))


# All of them: a broken rectangle is a DecodeError, never another exception


@pytest.mark.parametrize("encoding", [RRE, HEXTILE, TIGHT, JPEG])
@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(encoding: int, data: bytes) -> None:
    start = b"\xff\xd8" if encoding == JPEG else b""
    with suppress(DecodeError):
        decode(encoding, (5, 3), start + data, state_of(BGRX, QUALITY_9, -317))


@given(st.sampled_from([*range(17), 128, *range(130, 140)]), st.binary(max_size=60))
def test_any_zrle_tile_is_decoded_or_refused(subencoding: int, data: bytes) -> None:
    with suppress(DecodeError):
        decode(ZRLE, (5, 3), zrle(bytes([subencoding]) + data))


# JPEG


def jpeg(scene: Image, **options: object) -> bytes:
    channels = np.stack([scene >> shift & 255 for shift in (16, 8, 0)], -1).astype(np.uint8)
    out = io.BytesIO()
    PillowImage.fromarray(channels).save(out, "JPEG", quality=95, subsampling=0, **options)
    return out.getvalue()


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 2}, {"progressive": True}])
def test_jpeg_ends_at_its_end(options: dict[str, object]) -> None:
    scene = golden.photo(40, 24)
    data = jpeg(scene, **options)
    state = state_of()
    for _ in range(2):
        image = decode_all(DECODERS[JPEG], Rect(0, 0, 40, 24), state, data)
        assert golden.psnr(image, scene) > 35


def test_jpeg_keeps_the_tables_of_the_image_before() -> None:
    scene, state = golden.photo(40, 24), state_of()
    data = jpeg(scene)
    first = decode(JPEG, (40, 24), data, state)
    stripped, at = b"", 2
    while data[at + 1] != 0xDA:
        size = 2 + struct.unpack_from(">H", data, at + 2)[0]
        stripped += b"" if data[at + 1] in (0xDB, 0xC4) else data[at : at + size]
        at += size
    without_tables = data[:2] + stripped + data[at:]
    assert decode(JPEG, (40, 24), without_tables, state) == first
    refuse(JPEG, (40, 24), without_tables, "JPEG")


def test_tight_jpeg() -> None:
    scene = golden.photo(40, 24)
    data = jpeg(scene)
    framed = b"\x90" + compact(len(data)) + data
    image = decode_all(DECODERS[TIGHT], Rect(0, 0, 40, 24), state_of(BGRX, QUALITY_9), framed)
    assert golden.psnr(image, scene) > 35
    wrong = b"\x90" + compact(len(data) + 1) + data + b"\0"
    refuse(TIGHT, (40, 24), wrong, "ends with", state_of(BGRX, QUALITY_9))


def test_jpeg_refuses() -> None:
    data = jpeg(golden.photo(40, 24))
    refuse(JPEG, (40, 25), data, "a picture of")
    refuse(JPEG, (40, 24), data[:-2], "early")
    refuse(JPEG, (40, 24), data + b"\0", "left over")
    refuse(JPEG, (40, 24), b"\0\0" + data, "begins with")
    refuse(JPEG, (40, 24), data[:2] + b"\0\0" + data[2:], "where a marker belongs")
