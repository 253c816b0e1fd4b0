"""The figures as pictures: cost per frame and viewer over the number of viewers, both logarithmic. By pycairo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cairo

from benchmarks.figures import Series

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 80, 220, 50, 60
COLOURS = ((0.00, 0.45, 0.70), (0.84, 0.37, 0.00), (0.00, 0.62, 0.45), (0.80, 0.47, 0.65), (0.34, 0.71, 0.91),
           (0.90, 0.62, 0.00), (0.25, 0.25, 0.25))  # fmt: skip

Points = Sequence[tuple[float, float]]


def draw_all(series: Sequence[Series], directory: Path) -> list[Path]:
    """Draw a picture for each scene and profile; return the files."""
    paths = []
    for scene, profile in sorted({(one.scene, one.profile) for one in series}):
        lines = {
            one.peer: sorted((float(w.viewers), w.cpu_ms_each) for w in one.windows if w.cpu_ms_each)
            for one in series
            if (one.scene, one.profile) == (scene, profile)
        }
        if any(lines.values()):
            path = directory / f"{scene}-{profile}.png"
            chart(path, f"{scene}, {profile}: CPU ms per frame and viewer", "viewers", lines)
            paths.append(path)
    return paths


class _Scale:
    """A logarithmic axis: values to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self._start, self._step = start, (end - start) / (self.high - self.low)

    def __call__(self, value: float) -> float:
        return self._start + (math.log10(value) - self.low) * self._step

    def decades(self) -> list[float]:
        """Return the powers of ten on it."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def chart(path: Path, title: str, x_label: str, lines: Mapping[str, Points]) -> None:
    """Draw named lines of positive points to a PNG file."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    context = cairo.Context(surface)
    context.set_source_rgb(1, 1, 1)
    context.paint()
    context.select_font_face("sans-serif")
    context.set_font_size(14)
    points = [point for line in lines.values() for point in line]
    x = _Scale([point[0] for point in points], LEFT, WIDTH - RIGHT)
    y = _Scale([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    _axes(context, x, y)
    _text(context, LEFT, TOP - 20, title)
    _text(context, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, x_label)
    for index, (name, line) in enumerate(lines.items()):
        context.set_source_rgb(*COLOURS[index % len(COLOURS)])
        _line(context, [(x(a), y(b)) for a, b in line])
        _text(context, WIDTH - RIGHT + 20, TOP + 20 + index * 22, f"— {name}")
    surface.write_to_png(str(path))


def _axes(context: cairo.Context[cairo.ImageSurface], x: _Scale, y: _Scale) -> None:
    context.set_source_rgb(0.6, 0.6, 0.6)
    context.set_line_width(0.5)
    for value in x.decades():
        context.move_to(x(value), TOP)
        context.line_to(x(value), HEIGHT - BOTTOM)
        _text(context, x(value) - 5, HEIGHT - BOTTOM + 20, f"{value:g}")
    for value in y.decades():
        context.move_to(LEFT, y(value))
        context.line_to(WIDTH - RIGHT, y(value))
        _text(context, 15, y(value) + 5, f"{value:g}")
    context.set_source_rgb(0, 0, 0)


def _line(context: cairo.Context[cairo.ImageSurface], points: Points) -> None:
    context.set_line_width(2)
    for position, (a, b) in enumerate(points):
        (context.line_to if position else context.move_to)(a, b)
    context.stroke()
    for a, b in points:
        context.arc(a, b, 3.5, 0, 2 * math.pi)
        context.fill()


def _text(context: cairo.Context[cairo.ImageSurface], a: float, b: float, text: str) -> None:
    context.stroke()
    context.move_to(a, b)
    context.show_text(text)
    context.new_path()
