import math

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import encode, jpeg, wire_class
from mpvnc.errors import EncodeError
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import picture, whole
from tests.encodings.viewer import Viewer


def photograph(width=160, height=120):
    y, x = np.mgrid[0:height, 0:width]
    red, green, blue = (128 + 100 * np.sin(x / 37 + y / n) for n in (23, 41, 61))
    noise = np.random.default_rng(0).normal(0, 3, (height, width))
    channels = [np.clip(channel + noise, 0, 255).astype(np.uint32) for channel in (red, green, blue)]
    plane = np.zeros((height, width + 5), np.uint32)
    plane[:, :width] = channels[0] << 16 | channels[1] << 8 | channels[2]
    plane.setflags(write=False)
    return plane[:, :width]


def psnr(decoded, pixels):
    shown, sent = (
        np.stack([plane >> shift & 255 for shift in (16, 8, 0)], -1).astype(np.int64)
        for plane in (decoded.values, pixels)
    )
    return 10 * math.log10(255**2 / ((shown - sent) ** 2).mean())


@pytest.mark.parametrize("listed", [[21, 0], [21, 16, -26], [7, -26]])
def test_photographs_survive(listed):
    pixels = photograph()
    rectangle = encode(pixels, whole(pixels), wire_class(NATIVE, listed))
    decoded = Viewer(NATIVE).decode(rectangle.data)
    assert decoded.lossy
    assert decoded.encoding == listed[0] == rectangle.encoding
    assert psnr(decoded, pixels) > 32
    assert len(rectangle.data) < pixels.size


@pytest.mark.parametrize("first", [7, 21])
def test_a_higher_level_is_larger_and_better(first):
    pixels = photograph()
    made = [
        encode(pixels, whole(pixels), wire_class(NATIVE, [first, 16, level - 32])).data for level in range(10)
    ]
    sizes = [len(data) for data in made]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 10
    worst, best = (psnr(Viewer(NATIVE).decode(made[level]), pixels) for level in (0, 9))
    assert 24 < worst < best
    assert best > 40


def test_the_payload_is_a_whole_image():
    data = encode(photograph(), whole(photograph()), wire_class(NATIVE, [21, 0])).data[12:]
    assert data[:2] == bytes.fromhex("ffd8")
    assert data[-2:] == bytes.fromhex("ffd9")
    assert b"\xff\xc4" in data
    assert b"\xff\xdb" in data


@pytest.mark.parametrize(("listed", "fallback"), [([21, 0], 0), ([21, 16, -26], 16), ([21, 7, -26], 7)])
def test_few_colours_stay_lossless(listed, fallback):
    pixels = picture(60, 60, 256)
    rectangle = encode(pixels, whole(pixels), wire_class(NATIVE, listed))
    assert rectangle.encoding == fallback
    assert (Viewer(NATIVE).decode(rectangle.first()).values == pixels).all()


@pytest.mark.parametrize("listed", [[21, 16, -23], [7, -23]])
def test_an_image_longer_than_the_pixels_is_not_sent(monkeypatch, listed):
    pixels = photograph(50, 40)
    monkeypatch.setattr("simplejpeg.encode_jpeg", lambda *_args: bytes(3 * pixels.size))
    decoded = Viewer(NATIVE).decode(encode(pixels, whole(pixels), wire_class(NATIVE, listed)).first())
    assert (decoded.values == pixels).all()


def test_small_rectangles_stay_lossless():
    pixels = photograph(16, 16)
    assert encode(pixels, whole(pixels), wire_class(NATIVE, [21, 0])).encoding is Encoding.RAW


@pytest.mark.parametrize(("listed", "fallback"), [([21, 0], 0), ([21, 16, -26], 16), ([21, 7, -26], 7)])
def test_failure_falls_back_to_a_rectangle_that_says_what_it_is(monkeypatch, listed, fallback):
    def fail(*_args):
        raise RuntimeError("no memory")

    monkeypatch.setattr("simplejpeg.encode_jpeg", fail)
    pixels = photograph(50, 40)
    with pytest.raises(EncodeError, match="50x40"):
        jpeg.image(pixels, 3)
    rectangle = encode(pixels, whole(pixels), wire_class(NATIVE, listed))
    assert rectangle.encoding == fallback
    assert (Viewer(NATIVE).decode(rectangle.first()).values == pixels).all()
