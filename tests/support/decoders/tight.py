"""Tight: rfbproto "Tight Encoding". Four streams per connection, reset by the control byte."""

from __future__ import annotations

import zlib

import numpy as np

from tests.support.decoders.base import TIGHT_WITHOUT_ZLIB, DecoderState, Rect, blank, inflate, require
from tests.support.decoders.jpeg import image_of
from tests.support.pixelformat import Image, PixelFormat
from tests.support.wire import Parser

MAX_WIDTH = 2048
MIN_TO_COMPRESS = 12
FILL, JPEG, PLAIN, PLAIN_FILTERED = 8, 9, 10, 14
READ_FILTER = 4
COPY, PALETTE, GRADIENT = 0, 1, 2


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read the control byte, reset the streams that it names, and read the rest by its method."""
    require(rect.width <= MAX_WIDTH, f"{rect.width} pixels wide, at most {MAX_WIDTH} are allowed")
    (control,) = yield 1
    for number in range(4):
        if control >> number & 1:
            state.tight[number] = zlib.decompressobj()
    method = control >> 4
    if method == FILL:
        fill = state.format.tpixels((yield state.format.tpixel_bytes))
        return np.full((rect.height, rect.width), fill[0], np.uint32)
    if method == JPEG:
        return (yield from _jpeg(rect, state))
    if method in (PLAIN, PLAIN_FILTERED):
        require(TIGHT_WITHOUT_ZLIB in state.listed, f"control {control:#04x}: -317 was not listed")
        return (yield from _basic(rect, state, None, method == PLAIN_FILTERED))
    require(method < FILL, f"control {control:#04x} is invalid")
    return (yield from _basic(rect, state, method & 3, bool(method & READ_FILTER)))


def _jpeg(rect: Rect, state: DecoderState) -> Parser[Image]:
    require(state.format.bits_per_pixel != 8, "JPEG with 8 bits per pixel")
    require(state.quality_listed, "JPEG, but no quality level was listed")
    data = yield (yield from _compact_length())
    return state.format.from_rgb(image_of(data, rect))


def _basic(rect: Rect, state: DecoderState, stream: int | None, has_filter: bool) -> Parser[Image]:
    filter_id = COPY
    if has_filter:
        (filter_id,) = yield 1
    require(filter_id in (COPY, PALETTE, GRADIENT), f"filter {filter_id} is unknown")
    if filter_id == PALETTE:
        return (yield from _palette(rect, state, stream))
    size = state.format.tpixel_bytes
    if filter_id == GRADIENT:
        require(state.format.bits_per_pixel != 8, "the gradient filter with 8 bits per pixel")
    data = yield from _data(rect.area * size, state, stream)
    pixels = state.format.tpixels(data).reshape(rect.height, rect.width)
    return _integrated(pixels, state.format) if filter_id == GRADIENT else pixels


def _palette(rect: Rect, state: DecoderState, stream: int | None) -> Parser[Image]:
    count = (yield 1)[0] + 1
    require(count >= 2, "a palette of 1 colour")
    palette = state.format.tpixels((yield count * state.format.tpixel_bytes))
    if count == 2:
        per_row = (rect.width + 7) // 8
        data = yield from _data(per_row * rect.height, state, stream)
        rows = np.frombuffer(data, np.uint8).reshape(rect.height, per_row)
        return palette[np.unpackbits(rows, axis=1)[:, : rect.width]]
    data = yield from _data(rect.area, state, stream)
    indices = np.frombuffer(data, np.uint8).reshape(rect.height, rect.width)
    require(int(indices.max()) < count, f"index {indices.max()} into {count} colours")
    return palette[indices]


def _data(expected: int, state: DecoderState, stream: int | None) -> Parser[bytes]:
    """Read filtered data: as they are below 12 bytes or without zlib, else a length and a zlib fragment."""
    if stream is None or expected < MIN_TO_COMPRESS:
        return (yield expected)
    length = yield from _compact_length()
    data = inflate(state.tight[stream], (yield length), expected)
    require(len(data) == expected, f"inflates to {len(data)} bytes instead of {expected}")
    return data


def _compact_length() -> Parser[int]:
    """Read 1 to 3 bytes of 7, 7 and 8 bits; not more of them than the value needs."""
    (first,) = yield 1
    if first < 128:
        return first
    (second,) = yield 1
    value: int = first & 127 | (second & 127) << 7
    if second < 128:
        require(value >= 1 << 7, f"length {value} in two bytes")
        return value
    (third,) = yield 1
    value |= third << 14
    require(value >= 1 << 14, f"length {value} in three bytes")
    return value


def _integrated(differences: Image, fmt: PixelFormat) -> Image:
    """Undo the gradient filter on pixel values whose channels are differences."""
    rows, columns = differences.shape
    image = blank(Rect(0, 0, columns, rows))
    for maximum, shift in fmt.channels:
        deltas = (differences >> np.uint32(shift) & np.uint32(maximum)).tolist()
        above = [0] * (columns + 1)
        for row in range(rows):
            line = [0] * (columns + 1)
            for x in range(columns):
                predicted = min(max(above[x + 1] + line[x] - above[x], 0), maximum)
                line[x + 1] = predicted + deltas[row][x] & maximum
            image[row] |= np.array(line[1:], np.uint32) << np.uint32(shift)
            above = line
    return image
