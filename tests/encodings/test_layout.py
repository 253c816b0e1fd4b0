import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpvnc.constants import Encoding
from mpvnc.encodings.layout import Layout, canonical, layout
from mpvnc.pixels import PixelFormat, convert
from tests.encodings.pictures import FORMATS, picture

ENCODINGS = [Encoding.RAW, Encoding.ZRLE, Encoding.TIGHT]


def wire_bytes(pixels, fmt, encoding):
    """What the specification says is sent, made without `layout`."""
    whole = convert(pixels, fmt)
    data = whole.view(np.uint8).reshape(*pixels.shape, fmt.bytes_per_pixel)
    if encoding is Encoding.ZRLE:
        data = data[..., fmt.cpixel]
    elif encoding is Encoding.TIGHT and fmt.has_tpixel:
        value = whole.astype(np.int64)
        data = np.stack([value >> shift & 255 for _, shift in fmt.channels], -1).astype(np.uint8)
    return data.tobytes()


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
@pytest.mark.parametrize("name", FORMATS)
def test_units_hold_the_bytes_of_the_specification(name, encoding):
    pixels = picture(31, 7, 200)
    how = layout(canonical(FORMATS[name], encoding))
    assert how.pack(how.units(pixels)) == wire_bytes(pixels, FORMATS[name], encoding)


@st.composite
def any_formats(draw):
    """Any legal format: three channels of any maxima, in any order, with any gaps."""
    bpp = draw(st.sampled_from([8, 16, 32]))
    widths = [draw(st.integers(1, 8 if bpp == 32 else bpp // 3)) for _ in range(3)]
    spare = bpp - sum(widths)
    shifts, at = [0, 0, 0], 0
    for channel in draw(st.permutations(range(3))):
        gap = draw(st.integers(0, spare))
        spare -= gap
        shifts[channel] = at + gap
        at += gap + widths[channel]
    maxima = [draw(st.integers(1 << width - 1, (1 << width) - 1)) for width in widths]
    depth = draw(st.sampled_from([min(24, bpp), bpp]))
    fmt = PixelFormat(bpp, depth, draw(st.booleans()), True, *maxima, *shifts)
    return PixelFormat.from_bytes(fmt.to_bytes())


PROBE = np.concatenate([np.arange(256, dtype=np.uint32) << shift for shift in (16, 8, 0)])[np.newaxis]


LOW_BIT_UNUSED = PixelFormat(32, 24, False, True, 2, 1, 1, 7, 9, 24)
"""The largest value of red has no bit in the lowest byte, but 1 has."""


@given(any_formats(), any_formats(), st.sampled_from(ENCODINGS))
@example(LOW_BIT_UNUSED, FORMATS["332"], Encoding.ZRLE)
def test_formats_are_equal_if_and_only_if_their_bytes_are(one, other, encoding):
    same_bytes = wire_bytes(PROBE, one, encoding) == wire_bytes(PROBE, other, encoding)
    assert (canonical(one, encoding) == canonical(other, encoding)) == same_bytes
    assert canonical(canonical(one, encoding), encoding) == canonical(one, encoding)
    how = Layout(canonical(one, encoding))
    assert how.pack(how.units(PROBE)) == wire_bytes(PROBE, one, encoding)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        (Encoding.TIGHT, ["native", "bgr", "high", "big", "big high", "spread"]),
        (Encoding.ZRLE, ["bgr", "big"]),
        (Encoding.ZRLE, ["native", "high", "big high"]),
        (Encoding.RAW, ["native", "depth 32"]),
    ],
)
def test_formats_that_share_their_bytes(encoding, names):
    assert len({canonical(FORMATS[name], encoding) for name in names}) == 1


def test_framebuffer_bytes_are_not_converted():
    pixels = picture(4, 4, 3)
    for name in ("native", "big"):
        for encoding in ENCODINGS:
            assert layout(canonical(FORMATS[name], encoding)).units(pixels) is pixels
