"""Pixel formats: every one of them against the independent viewer's arithmetic."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.errors import ProtocolError
from mpvnc.pixels import NATIVE, PIXEL_FORMAT_BYTES, PixelFormat, convert
from tests.support import pixelformat
from tests.support.formats import FORMATS
from tests.support.golden import golden

names = pytest.mark.parametrize("name", FORMATS)
SAMPLES = np.concatenate([golden(40, 30).ravel(), np.arange(256, dtype=np.uint32) * 0x010101]).reshape(1, -1)


def ours(fmt: pixelformat.PixelFormat) -> PixelFormat:
    return PixelFormat.from_bytes(fmt.to_bytes())


def packed(**changes: int) -> bytes:
    fields = {**dataclasses.asdict(NATIVE), **changes}
    return struct.pack(">BBBBHHHBBB3x", *fields.values())


@names
def test_its_bytes_are_those_of_the_specification(name):
    fmt = ours(FORMATS[name])
    assert fmt.to_bytes() == FORMATS[name].to_bytes() and len(fmt.to_bytes()) == PIXEL_FORMAT_BYTES
    assert dataclasses.astuple(fmt) == tuple(FORMATS[name])


@names
def test_pixels_mean_to_the_viewer_what_they_were(name):
    theirs = FORMATS[name]
    wire = convert(SAMPLES, ours(theirs))
    assert wire.shape == SAMPLES.shape and wire.flags.c_contiguous
    assert wire.dtype.itemsize == theirs.pixel_bytes
    assert np.array_equal(theirs.pixels(wire.tobytes()), theirs.from_rgb(SAMPLES).ravel())


@names
def test_white_has_every_bit_and_black_none(name):
    theirs = FORMATS[name]
    wire = convert(np.array([[0xFFFFFF, 0]], np.uint32), ours(theirs))
    white, black = theirs.pixels(wire.tobytes())
    assert white == sum(maximum << shift for maximum, shift in theirs.channels) and black == 0


@names
def test_three_bytes_are_sent_where_the_viewer_expects_three(name):
    theirs = FORMATS[name]
    fmt = ours(theirs)
    assert fmt.has_tpixel == theirs.has_tpixel
    span = range(theirs.pixel_bytes)[fmt.cpixel]
    assert len(span) == theirs.cpixel_bytes
    values = convert(SAMPLES, fmt)
    sent = values.reshape(-1, 1).view(np.uint8)[:, fmt.cpixel].tobytes()
    assert np.array_equal(theirs.cpixels(sent), theirs.from_rgb(SAMPLES).ravel())


@settings(max_examples=50)
@given(st.integers(1, 1023))
def test_channels_are_rounded_to_the_nearest(maximum):
    fmt = PixelFormat.from_bytes(packed(depth=32, red_max=maximum, red_shift=16))
    red = convert(np.arange(256, dtype=np.uint32).reshape(1, -1) << np.uint32(16), fmt)[0] >> np.uint32(16)
    assert red.tolist() == [(2 * value * maximum + 255) // 510 for value in range(256)]
    assert (np.diff(red.astype(int)) >= 0).all()


def test_views_of_any_stride_are_copied():
    frame = golden(50, 40)
    before = frame.copy()
    for fmt in (NATIVE, ours(FORMATS["rgb565"])):
        part = convert(frame[5:20, 3:9], fmt)
        assert np.array_equal(part, convert(frame, fmt)[5:20, 3:9])
        part[...] = 0
    assert np.array_equal(frame, before)


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"bits_per_pixel": 24}, "24 bits per pixel"),
        ({"bits_per_pixel": 0}, "0 bits per pixel"),
        ({"depth": 0}, "depth 0"),
        ({"depth": 33}, "depth 33"),
        ({"bits_per_pixel": 16, "depth": 24}, "depth 24"),
        ({"red_max": 0}, "maximum is 0"),
        ({"blue_max": 0}, "maximum is 0"),
        ({"red_shift": 25}, "outside the pixel"),
        ({"red_shift": 255}, "outside the pixel"),
        ({"bits_per_pixel": 8, "depth": 8}, "outside the pixel"),
        ({"green_shift": 9}, "overlap"),
        ({"green_max": 256}, "overlap"),
    ],
)
def test_what_no_pixel_can_be_written_in_is_refused(changes, why):
    with pytest.raises(ProtocolError, match=why):
        PixelFormat.from_bytes(packed(**changes))


def test_a_colour_map_needs_no_channels():
    fmt = PixelFormat.from_bytes(packed(bits_per_pixel=8, depth=8, true_colour=0, red_max=0))
    assert not fmt.true_colour


def test_any_byte_above_zero_is_true():
    fmt = PixelFormat.from_bytes(packed(big_endian=255, true_colour=7))
    assert fmt.big_endian is True and fmt.true_colour is True
