"""Shows a quilt, which compresses well, and prints how many bytes each viewer took when it leaves.

The picture has 1.9 MB. Run `python examples/compressing.py`, look at 127.0.0.1:5902 with different encodings, such as
`xtigervncviewer -PreferredEncoding=ZRLE 127.0.0.1:2`, and compare.
"""

import colorsys
import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT, PATCH = 800, 600, 50


def draw(context: cairo.Context) -> None:
    """Draw patches of triangles and dots."""
    for row in range(HEIGHT // PATCH):
        for column in range(WIDTH // PATCH):
            number = row * 7 + column * 5
            context.save()
            context.translate(column * PATCH, row * PATCH)
            for corner in range(4):
                hue = (number % 8 / 24 + corner * 0.04 + 0.52) % 1
                context.set_source_rgb(*colorsys.hsv_to_rgb(hue, 0.35 + corner * 0.12, 0.9 - corner * 0.12))
                context.move_to(PATCH / 2, PATCH / 2)
                context.line_to(*((0, 0), (PATCH, 0), (PATCH, PATCH), (0, PATCH))[corner])
                context.line_to(*((PATCH, 0), (PATCH, PATCH), (0, PATCH), (0, 0))[corner])
                context.fill()
            context.set_source_rgb(0.98, 0.96, 0.90)
            context.arc(PATCH / 2, PATCH / 2, 3 + number % 5, 0, 7)
            context.fill()
            context.restore()


def tell(line: str) -> None:
    """Print the log's line about a viewer that left; it ends with updates and bytes."""
    if " left: " in line:
        print(line.split(" ", 4)[4], flush=True)


def main(**where: object) -> None:
    """Show one picture."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    draw(cairo.Context(surface))
    with mpvnc.publish(surface, title="Quilt", **where):
        time.sleep(1 << 20)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902, log=tell, settings={"logging.log_level": "INFO"})
