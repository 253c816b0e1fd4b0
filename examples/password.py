"""Shows a door that asks for a password. Who gives `password` may type, who gives `readonly` may look.

Run `python examples/password.py`, look at 127.0.0.1:5902 twice, with one password each, and type.
"""

from contextlib import suppress

import cairo

import mpvnc
from mpvnc import keysyms

WIDTH, HEIGHT = 480, 240


def draw(context: cairo.Context, viewers: dict[int, bool], text: str) -> None:
    """Draw an eye for each viewer, golden for those who may type, and what they typed."""
    context.set_source_rgb(0.10, 0.13, 0.17)
    context.paint()
    for place, looks_only in enumerate(viewers.values()):
        context.set_source_rgb(*((0.45, 0.55, 0.65) if looks_only else (0.95, 0.75, 0.25)))
        x, y = 50 + 70 * place, 60
        context.move_to(x - 28, y)
        context.curve_to(x - 10, y - 26, x + 10, y - 26, x + 28, y)
        context.curve_to(x + 10, y + 26, x - 10, y + 26, x - 28, y)
        context.set_line_width(4)
        context.stroke()
        context.arc(x, y, 9, 0, 7)
        context.fill()
    context.set_source_rgb(0.92, 0.92, 0.88)
    context.select_font_face("monospace")
    context.set_font_size(30)
    context.move_to(22, 170)
    context.show_text(text[-24:] + "_")


def main(**where: object) -> None:
    """Draw anew whenever somebody comes, goes or types."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    viewers, text = {}, ""
    draw(cairo.Context(surface), viewers, text)
    passwords = {"password": "password", "view_only_password": "readonly"}
    with mpvnc.publish(surface, title="Door", **passwords, **where) as publication:
        for event in iter(publication.get_event, None):
            if event.name == "connect":
                viewers[event.client] = event.view_only
            elif event.name == "disconnect":
                viewers.pop(event.client)
            elif event.name == "key" and event.down:
                text += keysyms.char_for_keysym(event.key) or ""
            with publication.frame():
                draw(cairo.Context(surface), viewers, text)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
