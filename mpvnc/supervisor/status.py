"""What a supervisor tells about itself: the `status` message, and the text for people made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter
from mpvnc.supervisor.admission import Admission
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.door import Door
from mpvnc.supervisor.policy import Child, state_of
from mpvnc.supervisor.writers import Writers

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


def snapshot(overview: Overview, crew: Crew, writers: Writers, door: Door, admission: Admission) -> Message:
    """Return the `status` message; counters that are 0 are left out of the children's."""
    generation = writers.generation
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
            "frame": writers.newest_frame,
            "generation": generation.number if generation else 0,
            "width": generation.width if generation else 0,
            "height": generation.height if generation else 0,
        },
        "input": {"backend": overview.consumer_backend},
        "clients": {
            "authenticated": admission.authenticated,
            "unauthenticated": admission.waiting,
            "refused": admission.refused,
            "queued": door.queued,
            "max_connections": overview.max_connections,
        },
        "auth_failures": overview.auth_failures,
        "bytes_sent": _total(crew, Counter.BYTES_SENT),
        "bytes_received": _total(crew, Counter.BYTES_RECEIVED),
        "kernels": _kernels(crew),
        "children": [_child(crew, child) for child in crew.children],
    }


def as_text(status: Message) -> str:
    """Return the message as lines for people."""
    source, clients = status["source"], status["clients"]
    lines = [
        f"{status['instance']}: {status['state']}, up {status['uptime_s']:.0f} s, mpvnc {status['version']}",
        f"listening on  {' '.join(status['listeners']) or '-'}",
        f"source        {source['kind']} {source['state']} {source['reason']}".rstrip()
        + f", backend {source['backend'] or '-'}, {source['width']}x{source['height']}, "
        f"frame {source['frame']}",
        f"clients       {clients['authenticated']} of {clients['max_connections'] or 'any number'}, "
        f"{clients['unauthenticated']} not logged in, {clients['queued']} queued",
        f"wrong passwords {status['auth_failures']}, bytes sent {status['bytes_sent']}, "
        f"received {status['bytes_received']}, kernels {status['kernels']}",
        f"{'ROLE':<10}{'SLOT':>5}{'PID':>9}  {'STATE':<12}{'RESTARTS':>8}  COUNTERS",
    ]
    return "\n".join([*lines, *(_line(child) for child in status["children"])])


def _line(child: Message) -> str:
    counters = " ".join(f"{name}={value}" for name, value in child["counters"].items())
    head = f"{child['role']:<10}{child['slot']:>5}{child['pid'] or '-':>9}  {child['state']:<12}"
    return f"{head}{child['restarts']:>8}  {counters}".rstrip()


def _child(crew: Crew, child: Child) -> Message:
    counters = crew.status.slot(child.slot).as_dict()
    return {
        "role": child.role,
        "slot": child.slot,
        "pid": crew.pid(child),
        "state": state_of(child).value,
        "restarts": child.restarts,
        "counters": {name: value for name, value in counters.items() if value},
    }


def _total(crew: Crew, counter: Counter) -> int:
    return sum(crew.status.slot(child.slot).get(counter) for child in crew.encoders)


def _kernels(crew: Crew) -> str:
    found: Iterable[int] = {
        crew.status.slot(child.slot).get(Counter.KERNELS_COMPILED) for child in crew.encoders
    }
    return "/".join(_KERNELS.get(word, "unknown") for word in sorted(found))
