"""The demo's drawings: a night sky with text, a clock and wandering lights, designed for 1280x720.

Owns what is drawn; when and where to it goes is `demo.py`'s business. All coordinates are of the design.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import cairo

from mpvnc.geometry import Rect

DESIGN = Rect(0, 0, 1280, 720)
CLOCK = Rect(880, 90, 320, 320)
_SANS, _MONO = "sans-serif", "monospace"
_INK, _PALE, _ACCENT = (0.93, 0.95, 1.0), (0.62, 0.68, 0.82), (0.36, 0.80, 0.95)
_STARS = 150
_CLOCK_RADIUS = 140

Colour = tuple[float, float, float]
Origin = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A light on a Lissajous curve: colour, radius, centre and reach of the curve, angular speeds, phase."""

    colour: Colour
    radius: float
    centre: tuple[float, float]
    reach: tuple[float, float]
    speed: tuple[float, float]
    phase: float

    def at(self, now: float) -> tuple[float, float]:
        """Return its middle at a time in seconds."""
        x = self.centre[0] + self.reach[0] * math.sin(self.speed[0] * now + self.phase)
        y = self.centre[1] + self.reach[1] * math.sin(self.speed[1] * now + 1.7 * self.phase)
        return x, y


PARTS = tuple(
    Part(colour, radius, (640.0, 560.0), (540.0, 85.0), speed, phase)
    for colour, radius, speed, phase in (
        ((0.36, 0.80, 0.95), 34.0, (0.41, 0.67), 0.0),
        ((0.98, 0.55, 0.45), 26.0, (0.53, 0.79), 1.1),
        ((0.99, 0.80, 0.40), 30.0, (0.37, 0.91), 2.3),
        ((0.58, 0.86, 0.55), 22.0, (0.61, 0.59), 3.4),
        ((0.77, 0.60, 0.98), 28.0, (0.47, 0.83), 4.6),
    )
)


def draw_background(surface: cairo.ImageSurface, origin: Origin, scale: float, hint: str) -> None:
    """Draw all that stands still. The gradient covers the whole surface, the rest keeps its proportions."""
    context = cairo.Context(surface)
    sky = cairo.LinearGradient(0, 0, 0, surface.get_height())
    for stop, colour in ((0.0, (0.05, 0.07, 0.15)), (0.6, (0.09, 0.13, 0.27)), (1.0, (0.16, 0.20, 0.36))):
        sky.add_color_stop_rgb(stop, *colour)
    context.set_source(sky)
    context.paint()
    _to_design(context, origin, scale)
    _draw_stars(context)
    _text(context, "mpvnc", (80, 190), 120, _INK, bold=True)
    _text(context, "one screen, many viewers", (86, 250), 34, _ACCENT)
    _text(context, "A multiprocess VNC server: every change is encoded once", (86, 312), 22, _PALE)
    _text(context, "and sent to everybody who watches.", (86, 344), 22, _PALE)
    _text(context, hint, (86, 398), 22, _INK, family=_MONO)
    surface.flush()


def draw_part(part: Part, scale: float) -> cairo.ImageSurface:
    """Return a light as a square image with transparent surroundings."""
    radius = max(part.radius * scale, 1.0)
    side = math.ceil(2 * radius) + 2
    image = cairo.ImageSurface(cairo.FORMAT_ARGB32, side, side)
    context = cairo.Context(image)
    middle = side / 2
    shine = cairo.RadialGradient(middle - radius / 3, middle - radius / 3, radius / 8, middle, middle, radius)
    shine.add_color_stop_rgba(0.0, 1, 1, 1, 1)
    shine.add_color_stop_rgba(0.35, *part.colour, 1)
    red, green, blue = part.colour
    shine.add_color_stop_rgba(1.0, red * 0.55, green * 0.55, blue * 0.55, 0.9)
    context.set_source(shine)
    context.arc(middle, middle, radius, 0, math.tau)
    context.fill()
    image.flush()
    return image


def draw_clock(
    context: cairo.Context[cairo.ImageSurface], origin: Origin, scale: float, at: time.struct_time
) -> None:
    """Draw the clock's face and hands; stays within `CLOCK`."""
    context.save()
    _to_design(context, origin, scale)
    context.translate(CLOCK.x + CLOCK.width / 2, CLOCK.y + CLOCK.height / 2)
    _draw_face(context)
    seconds, minutes = at.tm_sec / 60, at.tm_min / 60
    _hand(context, (at.tm_hour % 12 + minutes) / 12, 74, 8, _INK)
    _hand(context, minutes + seconds / 60, 108, 5, _INK)
    _hand(context, seconds, 118, 2, _ACCENT)
    context.restore()


def _to_design(context: cairo.Context[cairo.ImageSurface], origin: Origin, scale: float) -> None:
    context.translate(*origin)
    context.scale(scale, scale)


def _draw_stars(context: cairo.Context[cairo.ImageSurface]) -> None:
    """Scatter stars; the golden ratio spreads them evenly without a random number."""
    for number in range(_STARS):
        x, y = number * 0.618034 % 1 * DESIGN.width, number * number * 0.0173 % 1 * DESIGN.height
        context.set_source_rgba(1, 1, 1, 0.12 + number % 7 / 18)
        context.arc(x, y, 0.7 + number % 3 * 0.4, 0, math.tau)
        context.fill()


def _draw_face(context: cairo.Context[cairo.ImageSurface]) -> None:
    context.arc(0, 0, _CLOCK_RADIUS, 0, math.tau)
    context.set_source_rgba(1, 1, 1, 0.06)
    context.fill_preserve()
    context.set_source_rgb(*_PALE)
    context.set_line_width(3)
    context.stroke()
    for hour in range(12):
        angle, inner = math.tau * hour / 12, 118 if hour % 3 else 110
        context.move_to(inner * math.sin(angle), -inner * math.cos(angle))
        context.line_to(128 * math.sin(angle), -128 * math.cos(angle))
    context.stroke()


def _hand(
    context: cairo.Context[cairo.ImageSurface], turn: float, length: float, width: float, colour: Colour
) -> None:
    angle = math.tau * turn
    context.set_source_rgb(*colour)
    context.set_line_width(width)
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    context.move_to(0, 0)
    context.line_to(length * math.sin(angle), -length * math.cos(angle))
    context.stroke()


def _text(
    context: cairo.Context[cairo.ImageSurface],
    text: str,
    at: tuple[float, float],
    size: float,
    colour: Colour,
    *,
    bold: bool = False,
    family: str = _SANS,
) -> None:
    weight = cairo.FONT_WEIGHT_BOLD if bold else cairo.FONT_WEIGHT_NORMAL
    context.select_font_face(family, cairo.FONT_SLANT_NORMAL, weight)
    context.set_font_size(size)
    context.set_source_rgb(*colour)
    context.move_to(*at)
    context.show_text(text)
