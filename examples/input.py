"""Shows a flower that looks at the pointer; clicks paint its petals.

Run `python examples/input.py`, look at 127.0.0.1:5902, move the pointer, and click with all three buttons.
"""

import colorsys
import math
from contextlib import suppress

import cairo

import mpvnc

SIZE = 400


def draw(context: cairo.Context, x: float, y: float, hues: list[float]) -> None:
    """Draw a flower that leans towards x, y."""
    context.set_source_rgb(0.93, 0.96, 0.90)
    context.paint()
    lean = (x / SIZE - 0.5) * 120, (y / SIZE - 0.5) * 80
    head = SIZE / 2 + lean[0], SIZE * 0.4 + lean[1]
    context.set_source_rgb(0.25, 0.55, 0.25)
    context.set_line_width(10)
    context.move_to(SIZE / 2, SIZE)
    context.curve_to(SIZE / 2, SIZE * 0.8, head[0], SIZE * 0.7, *head)
    context.stroke()
    for petal in range(12):
        context.save()
        context.translate(*head)
        context.rotate(petal * math.tau / 12)
        context.set_source_rgba(*colorsys.hsv_to_rgb(hues[petal % 3], 0.6, 0.95), 0.85)
        context.scale(1, 0.38)
        context.arc(62, 0, 52, 0, math.tau)
        context.fill()
        context.restore()
    context.set_source_rgb(0.95, 0.75, 0.2)
    context.arc(*head, 26, 0, math.tau)
    context.fill()


def main(**where: object) -> None:
    """Wait for what viewers do, and draw it; nothing is drawn while they do nothing."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, SIZE, SIZE)
    x, y, hues = SIZE / 2, SIZE / 2, [0.9, 0.95, 0.0]
    draw(cairo.Context(surface), x, y, hues)
    with mpvnc.publish(surface, title="Flower", **where) as publication:
        for event in iter(publication.get_event, None):
            if event.name == "move":
                x, y = event.x, event.y
            elif event.name == "click" and event.down and event.button < 3:
                hues[event.button] = (hues[event.button] + 0.13) % 1
            with publication.frame():
                draw(cairo.Context(surface), x, y, hues)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
