"""Tells what each viewer does: who comes, what it can decode, when and why it leaves.

It is a CairoVNC program with a hook: `client_log` gets the lines, and could write them anywhere. Run
`python examples/verbose.py`, look at 127.0.0.1:5902, and read what is printed.
"""

import time
from contextlib import suppress

import cairo

from mpvnc import cairovnc

WIDTH, HEIGHT = 480, 200


class Narrator(cairovnc.VNCServer):
    """A server that says when things happen."""

    def client_log(self, client: cairovnc.VNCConnection, message: str) -> None:
        """Print a line with the time and the viewer's number."""
        print(f"{time.strftime('%H:%M:%S')} viewer {client.client}: {message}", flush=True)


def draw(context: cairo.Context) -> None:
    """Draw an open book."""
    context.set_source_rgb(0.36, 0.25, 0.20)
    context.paint()
    for side in (-1, 1):
        context.save()
        context.translate(WIDTH / 2, 30)
        context.scale(side, 1)
        page = cairo.LinearGradient(0, 0, 180, 0)
        page.add_color_stop_rgb(0, 0.78, 0.74, 0.66)
        page.add_color_stop_rgb(0.3, 0.97, 0.95, 0.88)
        context.set_source(page)
        context.rectangle(0, 0, 190, 145)
        context.fill()
        context.set_source_rgb(0.45, 0.42, 0.40)
        for line in range(8):
            context.rectangle(24, 20 + 14 * line, 140 - line * 37 % 60, 3)
        context.fill()
        context.restore()


def main(host: str = "127.0.0.1", port: int = 5902) -> None:
    """Serve until Ctrl-C."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    draw(cairo.Context(surface))
    options = cairovnc.CairoVNCOptions(host=host, port=port, display_name="Book")
    options.verbose = True
    server = cairovnc.CairoVNCServer(surface, options=options)
    server.server_class = Narrator
    server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
