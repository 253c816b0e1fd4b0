"""What a supervisor tells about itself: the `status` message. tables.py makes text of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mpvnc.ipc.control import Message
from mpvnc.metrics import ClassCounters, Counter
from mpvnc.supervisor.admission import Admission
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.door import Door
from mpvnc.supervisor.policy import Child, state_of
from mpvnc.supervisor.rates import Rates
from mpvnc.supervisor.surfaces import Surface, Surfaces
from mpvnc.supervisor.writers import Writers

TOTALS = (
    Counter.UPDATES_SENT,
    Counter.FRAMES_SKIPPED,
    Counter.ENCODES,
    Counter.CACHE_HITS,
    Counter.CACHE_MISSES,
    Counter.BYTES_ENCODED,
    Counter.PIXELS_ENCODED,
    Counter.RECTANGLES_TAKEN,
    Counter.WAITS_IN_VAIN,
    Counter.BYTES_SENT,
    Counter.BYTES_RECEIVED,
)
"""Summed over the encoders; each one's own are with the children."""

_KERNELS = {0: "unknown", 1: "compiled", 2: "numpy"}


@dataclass(frozen=True, slots=True)
class Overview:
    """What the supervisor itself knows."""

    version: str
    instance: str
    state: str
    uptime_s: float
    kind: str
    consumer_backend: str
    auth_failures: int
    max_connections: int


def snapshot(
    overview: Overview, crew: Crew, rates: Rates, *, surfaces: Surfaces, door: Door, admission: Admission
) -> Message:
    """Return the `status` message; what is 0 is left out of the children's counters and rates."""
    writers = surfaces.source
    return {
        "type": "status",
        "version": overview.version,
        "instance": overview.instance,
        "state": overview.state,
        "uptime_s": round(overview.uptime_s, 3),
        "listeners": door.urls,
        "source": {
            "kind": overview.kind,
            "state": "up" if writers.source.is_up else "down",
            "reason": writers.source.reason,
            "backend": writers.source.backend,
            "name": writers.source.name,
            **_picture(writers),
        },
        "surfaces": [*map(_surface, surfaces), *_awaited(surfaces, door)],
        "input": {"backend": overview.consumer_backend},
        "clients": {
            "authenticated": admission.authenticated,
            "unauthenticated": admission.waiting,
            "refused": admission.refusals,
            "queued": door.queued,
            "max_connections": overview.max_connections,
        },
        "auth_failures": overview.auth_failures,
        **{counter.name.lower(): _total(crew, counter) for counter in TOTALS},
        "kernels": _kernels(crew),
        "pixels_by_class": _classes(crew.status.classes(child.slot) for child in crew.encoders),
        "children": [_child(crew, rates, child) for child in crew.children],
    }


def _picture(writers: Writers) -> Message:
    generation = writers.generation
    return {
        "frame": writers.newest_frame,
        "generation": generation.number if generation else 0,
        "width": generation.width if generation else 0,
        "height": generation.height if generation else 0,
    }


def _surface(surface: Surface) -> Message:
    return {
        "surface": surface.name,
        "state": "up" if surface.writers.source.is_up else "down",
        "name": surface.writers.source.name,
        **_picture(surface.writers),
        "viewers": surface.viewers,
        "pid": surface.pid,
    }


def _awaited(surfaces: Surfaces, door: Door) -> list[Message]:
    """Return the surfaces that a listener is for and nobody has published, in the order of the listeners."""
    known = {surface.name for surface in surfaces}
    wanted = dict.fromkeys(listener.surface for listener in door.listeners if listener.surface)
    return [{"surface": name, "state": "awaited"} for name in wanted if name not in known]


def _child(crew: Crew, rates: Rates, child: Child) -> Message:
    counters = crew.status.slot(child.slot).as_dict()
    return {
        "role": child.role,
        "slot": child.slot,
        "pid": crew.pid(child),
        "state": state_of(child).value,
        "restarts": child.restarts,
        "counters": {name: value for name, value in counters.items() if value},
        "pixels_by_class": crew.status.classes(child.slot).as_dict(),
        "rates": rates.of(child.slot),
    }


def _total(crew: Crew, counter: Counter) -> int:
    return sum(crew.status.slot(child.slot).get(counter) for child in crew.encoders)


def _classes(encoders: Iterable[ClassCounters]) -> dict[str, int]:
    total: dict[str, int] = {}
    for encoder in encoders:
        for name, pixels in encoder.as_dict().items():
            total[name] = total.get(name, 0) + pixels
    return total


def _kernels(crew: Crew) -> str:
    found: Iterable[int] = {
        crew.status.slot(child.slot).get(Counter.KERNELS_COMPILED) for child in crew.encoders
    }
    return "/".join(_KERNELS.get(word, "unknown") for word in sorted(found))
