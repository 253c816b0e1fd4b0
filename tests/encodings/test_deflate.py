import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mpvnc.encodings.deflate import SMALL_BYTES, fragment

NOISE = np.random.default_rng(5).bytes(200_000)
WORDS = [NOISE[start : start + 3 + start % 9] for start in range(0, 30_000, 100)]
PROSE = b" ".join(WORDS[index * index % 300 ^ index % 7] for index in NOISE[:40_000])[:200_000]
TEXT = b"".join(b"%d lines of %d words, " % (n * n, n % 17) for n in range(20_000))
contents = st.one_of(
    st.binary(max_size=50),
    st.integers(0, 199_000).map(lambda length: NOISE[:length]),
    st.integers(0, 199_000).map(lambda length: TEXT[:length]),
)


@given(st.lists(st.tuples(contents, st.integers(0, 2)), max_size=6), st.randoms())
@hypothesis_settings(max_examples=30)
def test_fragments_can_be_spliced_in_any_order(pieces, random):
    inflater = zlib.decompressobj()
    assert inflater.decompress(b"\x78\x01") == b""
    random.shuffle(pieces)
    for data, bucket in pieces:
        assert inflater.decompress(fragment(data, bucket)) == data


@pytest.mark.parametrize("bucket", range(3))
@pytest.mark.parametrize("length", [1, 10, SMALL_BYTES, SMALL_BYTES + 1, 65535, 65536, 200_000])
def test_noise_grows_by_no_more_than_its_block_headers(bucket, length):
    assert len(fragment(NOISE[:length], bucket)) <= length + 5 * (1 + length // 65536)


def test_more_effort_means_fewer_bytes():
    sizes = [len(fragment(PROSE, bucket)) for bucket in range(3)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_large_data_that_hardly_shrinks_is_not_tried_harder(monkeypatch):
    def fail(*_args):
        raise AssertionError("tried harder")

    monkeypatch.setattr("zlib.compressobj", fail)
    assert len({fragment(NOISE, bucket) for bucket in range(3)}) == 1
    with pytest.raises(AssertionError, match="tried harder"):
        fragment(PROSE, 1)


def test_bytearrays_are_taken_too():
    assert fragment(bytearray(NOISE[:9000]), 0) == fragment(NOISE[:9000], 0)
