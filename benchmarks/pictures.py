"""Three still pictures for `benchmarks.encoders`: an interface with text, a gradient, something like a photograph.

Drawn by arithmetic from fixed seeds: no fonts, no files, the same on every machine. Pure. All are (height, width)
u4, 0x00RRGGBB, of any size; the letters of the interface are 9x18 pixels, whatever the size.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mpvnc.pixels import Pixels

Colours = npt.NDArray[np.floating]
"""(height, width, 3), red, green, blue, 0 to 255."""
Plane = npt.NDArray[np.floating]
"""(height, width)."""
Colour = tuple[int, int, int]

LETTER_WIDTH, LETTER_HEIGHT = 9, 18
_LETTERS = 64
_TITLE = 26
_DESKTOP: Colour = (46, 52, 64)
_BORDER: Colour = (94, 129, 172)
_PAPER: Colour = (246, 246, 242)
_TERMINAL: Colour = (30, 34, 42)
_INKS = np.array([(216, 222, 233), (136, 192, 208), (163, 190, 140), (235, 203, 139), (180, 142, 173)])
_BLACK = np.array([(32, 32, 32)])


def interface(width: int, height: int) -> Pixels:
    """Return a desktop with a terminal full of code, and a text and a menu in windows over it."""
    random = np.random.RandomState(1)
    letters = _letters(random)
    desktop = np.empty((height, width, 3), np.float32)
    desktop[:] = _DESKTOP
    windows = (
        ((0.03, 0.05, 0.60, 0.85), _TERMINAL, _INKS),
        ((0.52, 0.12, 0.44, 0.60), _PAPER, _BLACK),
        ((0.70, 0.55, 0.22, 0.38), (236, 239, 244), _BLACK),
    )
    for (x, y, w, h), paper, inks in windows:
        box = desktop[int(y * height) : int((y + h) * height), int(x * width) : int((x + w) * width)]
        box[:] = _BORDER
        if box.shape[0] > _TITLE + 1 and box.shape[1] > 2:
            box[_TITLE:-1, 1:-1] = _text(random, letters, box[_TITLE:-1, 1:-1].shape[:2], paper, inks)
    return packed(desktop)


def gradient(width: int, height: int) -> Pixels:
    """Return a sky: three colours that change smoothly across the picture, each in its own direction."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = x / width, y / height
    return packed(np.stack([40 + 180 * u, 60 + 150 * v, 255 - 120 * (u + v) / 2], axis=-1))


def photograph(width: int, height: int) -> Pixels:
    """Return soft light, large and small shapes of several colours, hard outlines, and a film's grain."""
    random = np.random.RandomState(2)

    def noise(cell: int) -> Plane:
        return _noise(random, width, height, cell)

    light = (10 * noise(256) + 4 * noise(64) + 2 * noise(16) + noise(4)) / 17
    outlines = np.where(noise(128) > 140, np.float32(40), np.float32(0))
    warm, cold = noise(256) - 128, noise(128) - 128
    grain = random.randint(-2, 3, (height, width, 1)).astype(np.float32)
    shapes = np.stack([light + warm / 2 + outlines, light + outlines / 2, light + cold / 2], axis=-1)
    return packed(shapes + grain)


PICTURES: dict[str, Callable[[int, int], Pixels]] = {
    "interface": interface,
    "gradient": gradient,
    "photograph": photograph,
}


def packed(colours: Colours) -> Pixels:
    """Return colours as pixels, rounded down and clipped."""
    red, green, blue = np.moveaxis(np.clip(colours, 0, 255).astype(np.uint32), -1, 0)
    return np.ascontiguousarray(red << 16 | green << 8 | blue, np.uint32)


def _noise(random: np.random.RandomState, width: int, height: int, cell: int) -> Plane:
    """Return value noise, 0 to 255: random at every `cell` pixels, smooth between."""
    corners = random.randint(0, 256, (height // cell + 2, width // cell + 2)).astype(np.float32)
    rows, down = _steps(height, cell)
    columns, right = _steps(width, cell)
    lines = corners[:, columns] * (1 - right) + corners[:, columns + 1] * right
    down = down[:, np.newaxis]
    return lines[rows] * (1 - down) + lines[rows + 1] * down


def _steps(length: int, cell: int) -> tuple[npt.NDArray[np.intp], Plane]:
    """Return for each place its corner, and how far it is from there to the next one, with no edge at either."""
    place = np.arange(length)
    part = (place % cell / cell).astype(np.float32)
    return place // cell, part * part * (3 - 2 * part)


def _letters(random: np.random.RandomState) -> Plane:
    """Return how much ink, 0 to 1, made-up letters of a few antialiased strokes have; the first one is a space."""
    y, x = np.mgrid[0:LETTER_HEIGHT, 0:LETTER_WIDTH].astype(np.float32)
    ink = np.zeros((_LETTERS, LETTER_HEIGHT, LETTER_WIDTH), np.float32)
    for letter in ink[1:]:
        points = np.column_stack((random.randint(0, 4, 4) * 2 + 1, random.randint(0, 5, 4) * 2.5 + 3))
        for (x0, y0), (x1, y1) in pairwise(points):
            dx, dy = x1 - x0, y1 - y0
            along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1), 0, 1)
            away = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
            np.maximum(letter, np.clip(1.4 - away, 0, 1), out=letter)
    return ink


def _text(
    random: np.random.RandomState,
    letters: Plane,
    size: tuple[int, int],
    paper: Colour,
    inks: npt.NDArray[np.int_],
) -> Colours:
    """Return lines of words on paper, each word in one of the inks; the lines end where they like."""
    height, width = size
    lines, columns = height // LETTER_HEIGHT, width // LETTER_WIDTH
    which = random.randint(1, len(letters), (lines, columns))
    which[random.randint(0, 6, which.shape) == 0] = 0
    which[np.arange(columns) >= random.randint(columns // 6, columns + 1, (lines, 1))] = 0
    words = np.cumsum(which == 0, axis=1)
    colour = inks[(words * 7 + np.arange(lines)[:, np.newaxis]) % len(inks)].astype(np.float32)
    ink = letters[which].transpose(0, 2, 1, 3).reshape(lines * LETTER_HEIGHT, columns * LETTER_WIDTH, 1)
    spread = colour.repeat(LETTER_HEIGHT, axis=0).repeat(LETTER_WIDTH, axis=1)
    sheet = np.empty((height, width, 3), np.float32)
    sheet[:] = paper
    written = sheet[: lines * LETTER_HEIGHT, : columns * LETTER_WIDTH]
    written += (spread - written) * ink
    return sheet
