"""When a list of colours pays: the exact count of a rectangle's colours against what each form takes."""

from __future__ import annotations

MAX_COLOURS = 256
_ALWAYS = 4


def tight_limit(area: int, size: int) -> int:
    """Return up to how many colours Tight sends `area` pixels of `size` bytes as indices of a byte each.

    That is while palette and indices are shorter than the pixels; up to four colours are listed whatever the
    area. Pixels of one byte gain only from two colours, whose indices are bits.
    """
    if size == 1:
        return 2
    return min(MAX_COLOURS, max(_ALWAYS, area * (size - 1) // size))
