"""Surfaces of one colour, and the colours that readers see."""

from __future__ import annotations

import cairo
import numpy as np

from tests.support.supervisor_thread import FakeSupervisor


def painted(surface: cairo.ImageSurface, colour: tuple[float, float, float]) -> cairo.ImageSurface:
    context = cairo.Context(surface)
    context.set_source_rgb(*colour)
    context.paint()
    return surface


def colours(supervisor: FakeSupervisor) -> set[int]:
    reader = supervisor.reader()
    found = set(np.unique(reader.pixels).tolist())
    reader.close()
    return found
