"""Pictures and pixel formats to encode, as plain makers and as hypothesis strategies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE, PixelFormat

FORMATS = {
    "native": NATIVE,
    "bgr": PixelFormat(32, 24, False, True, 255, 255, 255, 0, 8, 16),
    "high": PixelFormat(32, 24, False, True, 255, 255, 255, 24, 16, 8),
    "big": PixelFormat(32, 24, True, True, 255, 255, 255, 16, 8, 0),
    "big high": PixelFormat(32, 24, True, True, 255, 255, 255, 8, 16, 24),
    "depth 32": PixelFormat(32, 32, False, True, 255, 255, 255, 16, 8, 0),
    "spread": PixelFormat(32, 24, False, True, 255, 255, 255, 24, 8, 0),
    "odd": PixelFormat(32, 24, False, True, 7, 127, 255, 28, 10, 1),
    "big odd": PixelFormat(32, 32, True, True, 255, 100, 5, 3, 13, 29),
    "565": PixelFormat(16, 16, False, True, 31, 63, 31, 11, 5, 0),
    "big 565": PixelFormat(16, 16, True, True, 31, 63, 31, 11, 5, 0),
    "555": PixelFormat(16, 15, False, True, 31, 31, 31, 10, 5, 0),
    "332": PixelFormat(8, 8, False, True, 7, 7, 3, 0, 3, 6),
    "222": PixelFormat(8, 6, True, True, 3, 3, 3, 4, 2, 0),
}
COUNTS = (1, 2, 3, 4, 5, 16, 17, 127, 128, 255, 256, 257)


def picture(width: int, height: int, colours: int, *, run: int = 1, seed: int = 0) -> np.ndarray:
    """A read-only view with a stride: up to so many colours, in runs of about `run` pixels."""
    random = np.random.default_rng(seed)
    palette = random.choice(1 << 24, colours, replace=False).astype(np.uint32)
    values = palette[random.integers(0, colours, width * height)]
    values[: min(colours, values.size)] = palette[: values.size]
    values = np.repeat(values, random.integers(1, 2 * run, values.size) if run > 1 else 1)
    plane = np.zeros((height, width + 3), np.uint32)
    plane[:, :width] = values[: width * height].reshape(height, width)
    plane.setflags(write=False)
    return plane[:, :width]


def whole(pixels: np.ndarray) -> Rect:
    return Rect(0, 0, pixels.shape[1], pixels.shape[0])


sides = st.one_of(st.integers(1, 4), st.integers(13, 20), st.integers(60, 70))
pictures = st.builds(
    picture,
    sides,
    sides,
    st.sampled_from(COUNTS),
    run=st.sampled_from((1, 3, 40, 700)),
    seed=st.integers(0, 1 << 30),
)
formats = st.sampled_from(list(FORMATS.values()))
