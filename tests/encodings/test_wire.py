import gc

import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import WireOptions, wire, wire_class
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import FORMATS


@pytest.mark.parametrize(
    ("listed", "primary", "fallback"),
    [
        ([7, 6, 7, 0, -223], Encoding.TIGHT, Encoding.TIGHT),
        ([], Encoding.RAW, Encoding.RAW),
        ([-223, -239, 1, 12345, -1], Encoding.RAW, Encoding.RAW),
        ([1, 16, 7], Encoding.ZRLE, Encoding.ZRLE),
        ([21, 0], Encoding.JPEG, Encoding.RAW),
        ([21], Encoding.JPEG, Encoding.RAW),
        ([0, 21], Encoding.RAW, Encoding.RAW),
        ([21, 6, 0], Encoding.ZLIB, Encoding.ZLIB),
        ([21, 6, 0, -26], Encoding.JPEG, Encoding.ZLIB),
        ([7, 21, -26], Encoding.TIGHT, Encoding.TIGHT),
    ],
)
def test_the_first_usable_encoding_of_the_list(listed, primary, fallback):
    made = wire_class(NATIVE, listed)
    assert (made.encoding, made.fallback) == (primary, fallback)


def test_at_16_bits_jpeg_is_not_usable():
    made = wire_class(FORMATS["565"], [21, 6, 0, -26])
    assert (made.encoding, made.quality) == (Encoding.ZLIB, None)
    assert wire_class(FORMATS["565"], [7, -26]).quality is None


@pytest.mark.parametrize("quality", range(10))
def test_quality_levels(quality):
    assert wire_class(NATIVE, [7, quality - 32]).quality == quality
    assert wire_class(NATIVE, [21, 16, quality - 32]).quality == quality


def test_no_level_is_lossless_unless_there_is_only_jpeg():
    assert wire_class(NATIVE, [7]).quality is None
    assert wire_class(NATIVE, [21, 1, 0, -239]).quality == wire.DEFAULT_QUALITY


def test_compression_levels_fall_into_three_buckets():
    buckets = [wire_class(NATIVE, [16, level - 256]).compression for level in range(10)]
    assert buckets == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert wire_class(NATIVE, [16]).compression == 0


def test_options_bound_what_a_client_may_have():
    options = WireOptions(
        encodings=frozenset({Encoding.ZRLE, Encoding.TIGHT}), jpeg=False, compression_min=1, compression_max=1
    )
    made = wire_class(NATIVE, [21, 6, 7, -26, -247], options=options)
    assert (made.encoding, made.quality, made.compression) == (Encoding.TIGHT, None, 1)
    assert wire_class(NATIVE, [6], options=options).encoding is Encoding.RAW


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("native", [0, -26, -247]), ("depth 32", [])),
        (("native", [7]), ("big", [7, 16, -256])),
        (("native", [16, -26]), ("big high", [16, -23, -255])),
        (("native", [6, -252]), ("native", [6, 7, -251])),
        (("native", [5, -247]), ("native", [5, -26])),
    ],
)
def test_what_makes_no_difference_makes_no_class(one, other):
    assert wire_class(FORMATS[one[0]], one[1]) is wire_class(FORMATS[other[0]], other[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("native", [7, -26]), ("native", [7, -25])),
        (("native", [7, -26]), ("native", [7])),
        (("native", [16]), ("native", [16, -247])),
        (("native", [21, 6, -26]), ("native", [21, 16, -26])),
        (("native", [7]), ("depth 32", [7])),
        (("native", [0]), ("bgr", [0])),
    ],
)
def test_what_makes_a_difference_makes_a_class(one, other):
    assert wire_class(FORMATS[one[0]], one[1]) != wire_class(FORMATS[other[0]], other[1])


@pytest.mark.parametrize("listed", [[7, -26], [21, 16, -26]])
def test_rungs_of_quality(listed):
    made = wire_class(NATIVE, listed)
    assert made.with_quality(3) is wire_class(NATIVE, [*listed[:-1], -29])
    assert made.with_quality(None) is wire_class(NATIVE, [made.fallback])


def test_nobody_is_moved_to_a_lossy_rung():
    lossless = wire_class(NATIVE, [7])
    assert lossless.with_quality(5) is lossless


def test_classes_that_nobody_uses_are_forgotten():
    gc.collect()
    before = len(wire._classes)
    kept = wire_class(FORMATS["odd"], [6, -247])
    assert len(wire._classes) == before + 1
    del kept
    gc.collect()
    assert len(wire._classes) == before
