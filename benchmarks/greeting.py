"""How long viewers wait for a server: `python -m benchmarks.greeting [HOST:PORT [--password P]]`.

One viewer after another (guest.py, the same for all servers) connects, shakes hands, and requests the whole screen.
Without an address mpvnc and every installed peer is started in turn, all of the same screen of 1920x1080 (a terminal
full of code, scene `scroll`), mpvnc once more with its demo. Where the painter paints there is a fourth time, from
change to update: it gives a square the colour of the time of painting, and a viewer that has an incremental request
pending reads it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.fit import percentile
from benchmarks.guest import Guest
from benchmarks.ledger import Ledger, machine, pace_ms, versions
from benchmarks.peers import DEMO, PEERS, Peer
from benchmarks.processes import LOAD_CORE, BenchError, pinned
from benchmarks.scenes import RATES
from benchmarks.stage import running_stage
from benchmarks.tables import number, table
from mpvnc.constants import Encoding
from mpvnc.geometry import Rect

LEGEND = (
    "ms of wall time. connect: until TCP is open; handshake: from there to ServerInit; first picture: from the "
    "request to the last byte of the whole screen, kB of 1000 bytes; change: from painting to the update that shows "
    "it. mpvnc's port serves browsers too, and waits 30 ms for one to speak before it says its version."
)
MARK = Rect(1888, 16, 16, 16)
"""Where the painter tells the time (painter.c)."""
SERVERS = {peer.name: peer for peer in (DEMO, *PEERS.values()) if not peer.replays}
ENCODINGS = {
    "zrle": (Encoding.ZRLE, Encoding.RAW, Encoding.COMPRESSION_LEVEL_0 + 2),
    "raw": (Encoding.RAW,),
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one step of a greeting; `kb` are those of a first picture."""

    peer: str
    step: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    samples: int
    kb: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured with each server: so many viewers, no longer than that, in one of the `ENCODINGS`.

    scene: what a server shows that is started here.
    """

    count: int
    seconds: float
    encoding: str
    password: str | None = None
    scene: str = "scroll"


def timing(peer: str, step: str, times: Sequence[float], sizes: Sequence[int] = ()) -> Timing:
    """Return the percentiles of times in milliseconds."""
    p50, p95, p99 = (percentile(times, percent) for percent in (50, 95, 99))
    return Timing(peer, step, p50, p95, p99, len(times), statistics.median(sizes) / 1000 if sizes else None)


def delay_ms(now_ns: int, mark: int) -> float:
    """Return how long before `now_ns` a mark was painted: the low 24 bits of a clock of microseconds."""
    return ((now_ns // 1000 - mark) & 0xFFFFFF) / 1000


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT, [IPV6]:PORT. Raises: ValueError."""
    host, _, port = text.rpartition(":")
    if not host:
        raise ValueError(text)
    return host.strip("[]"), int(port)


def report(found: Sequence[Timing]) -> str:
    """Return the table."""
    head = ["server", "step", "p50", "p95", "p99", "samples", "kB"]
    return table(head, [
        [one.peer, one.step, number(one.p50_ms), number(one.p95_ms), number(one.p99_ms), str(one.samples),
         number(one.kb, 1)]
        for one in found
    ])  # fmt: skip


def greet(name: str, host: str, port: int, plan: Plan) -> list[Timing]:
    """Greet a server with one viewer after another. Raises: BenchError, OSError."""
    found: list[tuple[list[float], int]] = []
    end = time.monotonic() + plan.seconds
    while len(found) < plan.count and (not found or time.monotonic() < end):
        found.append(greet_once(host, port, plan))
    connect, handshake, picture = zip(*(times for times, _ in found), strict=True)
    return [
        timing(name, "connect", connect),
        timing(name, "handshake", handshake),
        timing(name, f"first picture, {plan.encoding}", picture, [size for _, size in found]),
    ]


def greet_once(host: str, port: int, plan: Plan) -> tuple[list[float], int]:
    """Connect, look, hang up; return the milliseconds of the three steps, and the bytes of the picture."""
    times = [time.perf_counter()]
    guest = Guest(host, port)
    try:
        times.append(time.perf_counter())
        guest.shake_hands(plan.password)
        times.append(time.perf_counter())
        guest.list_encodings(*ENCODINGS[plan.encoding])
        before = guest.bytes_received
        guest.read_picture()
        times.append(time.perf_counter())
    finally:
        guest.close()
    return [(ended - began) * 1000 for began, ended in pairwise(times)], guest.bytes_received - before


def watch(name: str, host: str, port: int, plan: Plan) -> Timing:
    """Read the square of a painter that marks, again and again. Raises: BenchError, OSError."""
    guest = Guest(host, port)
    delays: list[float] = []
    try:
        guest.shake_hands(plan.password)
        guest.list_encodings(Encoding.RAW)
        guest.request(MARK, incremental=False)
        seen = _mark(guest)
        end = time.monotonic() + plan.seconds
        while len(delays) <= plan.count and time.monotonic() < end:
            guest.request(MARK, incremental=True)
            mark = _mark(guest)
            if mark is not None and mark != seen:
                delays.append(delay_ms(time.monotonic_ns(), mark))
                seen = mark
    finally:
        guest.close()
    if len(delays) < 2:
        raise BenchError(f"no change was seen within {plan.seconds:g} s")
    return timing(name, "change", delays[1:])


def _mark(guest: Guest) -> int | None:
    """Read an update; return the colour of the square's corner, None if that is not in it."""
    found = None
    for rect, _, data in guest.read_update():
        across, down = MARK.x - rect.x, MARK.y - rect.y
        if 0 <= across < rect.width and 0 <= down < rect.height:
            at = (down * rect.width + across) * 4
            found = int.from_bytes(data[at : at + 4], "little") & 0xFFFFFF
    return found


def measure(peer: Peer, plan: Plan) -> list[Timing]:
    """Start a server and greet it. Raises: BenchError, OSError."""
    with (
        tempfile.TemporaryDirectory(prefix="mpvnc-bench-") as directory,
        running_stage(peer, plan.scene, Path(directory), flags=["mark", "jitter"]) as stage,
        pinned(LOAD_CORE),
    ):
        place = ("127.0.0.1", stage.place.port)
        found = greet(peer.name, *place, plan)
        return found if peer is DEMO else [*found, watch(peer.name, *place, plan)]


def everywhere(plan: Plan, names: Sequence[str]) -> Iterator[tuple[list[Timing], str]]:
    """Measure servers one after another; yield the figures of each, or else what was wrong."""
    for peer in map(SERVERS.__getitem__, names):
        missing = peer.missing()
        if missing:
            yield [], f"{peer.name}: install {missing}"
            continue
        try:
            yield measure(peer, plan), ""
        except (BenchError, OSError) as error:
            yield [], f"{peer.name}: {error}"


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.greeting", description=__doc__.partition("\n")[0])
    parser.add_argument("address", nargs="?", type=address, metavar="HOST:PORT", help="of any VNC server")
    parser.add_argument("--password", help="of that server: VNC authentication; without it None")
    parser.add_argument("--count", type=int, default=100, help="viewers for each server (100)")
    parser.add_argument("--seconds", type=float, default=15.0, help="no longer for each server (15)")
    parser.add_argument("--encoding", choices=ENCODINGS, default="zrle", help="of the first picture (zrle)")
    parser.add_argument(
        "--scene", choices=RATES, default="scroll", help="what a server shows that is started here (scroll)"
    )
    parser.add_argument("--only", type=_names, default=list(SERVERS), metavar="NAME,...",
                        help=f"start these alone, of {', '.join(SERVERS)}")  # fmt: skip
    parser.add_argument("--ledger", type=Path, help="append a row for each line to this file")
    arguments = parser.parse_args(argv)
    if arguments.password is not None and arguments.address is None:
        parser.error("--password is for a server at HOST:PORT")
    return arguments


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is no server")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the table; 1 if something could not be measured."""
    arguments = read_arguments(argv)
    plan = Plan(arguments.count, arguments.seconds, arguments.encoding, arguments.password, arguments.scene)
    found: list[Timing] = []
    failures = []
    if arguments.address is None:
        for timings, failure in everywhere(plan, arguments.only):
            found += timings
            failures += [failure] if failure else []
    else:
        host, port = arguments.address
        try:
            found = greet(f"{host}:{port}", host, port, plan)
        except (BenchError, OSError) as error:
            failures.append(f"{host}:{port}: {error}")
    ledger, known = Ledger(arguments.ledger), versions([(peer.name, peer.package) for peer in PEERS.values()])
    for one in found:
        ledger.note(one, known)
    print(f"# Greetings\n\n{machine()}, pace {pace_ms()} ms\n\n{report(found)}\n\n{LEGEND}")
    for failure in failures:
        print(f"benchmarks.greeting: {failure}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
