"""A board that all viewers draw on, each with a pen of its own colour. `c` wipes it.

Only what a stroke touches is looked at. Run `python examples/whiteboard.py`, and 127.0.0.1:5902 in many viewers.
"""

import colorsys
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT = 800, 500


def wipe(context: cairo.Context) -> None:
    """Draw an empty board, with squares as in a school book."""
    context.set_source_rgb(0.99, 0.99, 0.96)
    context.paint()
    context.set_source_rgb(0.86, 0.91, 0.95)
    for place in range(0, WIDTH, 25):
        context.rectangle(place, 0, 1, HEIGHT)
        context.rectangle(0, place, WIDTH, 1)
    context.fill()


def stroke(context: cairo.Context, client: int, start: tuple[int, int], end: tuple[int, int]) -> list[tuple]:
    """Draw a line in the colour of a viewer; return the rectangle that it touches."""
    context.set_source_rgb(*colorsys.hsv_to_rgb(client * 0.382 % 1, 0.85, 0.75))
    context.move_to(*start)
    context.line_to(*end)
    left, top, right, bottom = context.stroke_extents()
    context.stroke()
    return [(left, top, right - left, bottom - top)]


def main(**where: object) -> None:
    """Let everybody draw while the left button is down."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    context, pens = cairo.Context(surface), {}
    context.set_line_width(5)
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    wipe(context)
    with mpvnc.publish(surface, title="Whiteboard", **where) as publication:
        for event in iter(publication.get_event, None):
            if event.name == "move" and event.buttons & 1:
                start, end = pens.get(event.client), (event.x, event.y)
                publication.publish_frame(stroke(context, event.client, start or end, end))
                pens[event.client] = end
            elif event.name == "click":
                pens[event.client] = (event.x, event.y) if event.down else None
            elif event.name == "key" and event.down and event.key == ord("c"):
                wipe(context)
                publication.publish_frame()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
