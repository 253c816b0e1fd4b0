"""The figures as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import Latency, Series, Sharing, Stall, Window
from benchmarks.scenes import RATES

LEGEND = (
    "CPU: milliseconds of the server's whole process tree. *A + B x N*: CPU of a frame for all, fitted over "
    "the points where everybody was served (~: others took the core, points below the full rate count too). "
    "*N=*: CPU per delivered frame and viewer; **s**: viewers got less than 90 % of the rate, **g**: the "
    "viewers' own process was the limit, **c**: others had more than 10 % of the server's core. *by fit*: the "
    "N at which A + B x N fills a core. *X*: the X server beside a server that has one, per painted frame "
    "(not in CPU). *load*: CPU of the viewers' process per frame and viewer, at the largest N."
)
SEVERAL = 3
"""From so many numbers of viewers on a series has a table of its growth."""


@dataclass(slots=True)
class Results:
    """All that was measured."""

    series: list[Series] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sharings: list[Sharing] = field(default_factory=list)

    def add(self, measured: Series | Latency | Stall | Sharing) -> None:
        """Put a measurement where it belongs."""
        match measured:
            case Series():
                self.series.append(measured)
            case Latency():
                self.latencies.append(measured)
            case Stall():
                self.stalls.append(measured)
            case Sharing():
                self.sharings.append(measured)


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure for a cell; small ones keep three digits that mean something."""
    if value is None:
        return ""
    if value and abs(value) < 0.1:
        return f"{value:.{digits + 2}f}"
    return f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(results: Results, baseline: str = "xvnc", ours: str = "mpvnc") -> str:
    """Return the tables of a run."""
    parts = [LEGEND]
    for scene, found in _by_scene(results.series):
        parts += [f"### {scene} ({RATES[scene]:.0f} changes/s)", costs(found)]
        grown = scaling(found)
        parts += [f"{scene}, with the number of viewers", grown] if grown else []
    versus = ratios(results.series, baseline, ours)
    if versus:
        parts += [f"### {ours} against {baseline}", versus]
    if results.latencies:
        parts += [
            "### Latency, ms (time: change to pixel; press: button to pixel)",
            latencies(results.latencies),
        ]
    if results.stalls:
        parts += ["### A tenth of the viewers stop reading", stalls(results.stalls)]
    if results.sharings:
        parts += ["### Several workers beside one", sharings(results.sharings)]
    if results.failures:
        parts += ["### Not measured", "\n".join(f"- {failure}" for failure in results.failures)]
    return "\n\n".join(parts)


def _by_scene(series: Sequence[Series]) -> Iterable[tuple[str, list[Series]]]:
    for scene in dict.fromkeys(one.scene for one in series):
        found = [one for one in series if one.scene == scene]
        yield scene, sorted(found, key=lambda one: (one.profile, one.peer))


def costs(series: Sequence[Series]) -> str:
    """Return the table of one scene."""
    numbers = sorted({window.viewers for one in series for window in one.windows[: _planned(one)]})
    head = ["profile", "server", "A", "B", *(f"N={n}" for n in numbers), "kB/frame", "most viewers", "by fit",
            "kB memory/viewer", "X", "load"]  # fmt: skip
    return table(head, [_cost_row(one, numbers) for one in series])


def _planned(series: Series) -> int:
    """Return how many windows come before the search for the limit, which has its own column."""
    return len(series.windows) if series.limit is None else series.planned


def _cost_row(series: Series, numbers: Sequence[int]) -> list[str]:
    fit, first = series.fit, series.windows[0]
    largest = max(series.windows, key=lambda window: window.viewers)
    rough = "~" if fit and series.is_rough else ""
    cells = {window.viewers: _cell(window, series.scene) for window in series.windows}
    return [
        series.profile, series.peer, rough + number(fit and fit.a_ms), rough + number(fit and fit.b_ms),
        *(cells.get(n, "") for n in numbers),
        number(first.bytes_each and first.bytes_each / 1000, 1), _limit(series), str(series.limit_by_fit or ""),
        number(series.pss_kb_each, 0),
        number(first.xvfb_ms / first.painted if first.xvfb_ms and first.painted else None),
        number(largest.load_ms / largest.frames if largest.frames else None),
    ]  # fmt: skip


def _limit(series: Series) -> str:
    if series.limit is None:
        return ""
    bound = any(window.is_load_bound for window in series.windows)
    return f"{series.limit}{'g' if bound else ''}"


def _cell(window: Window, scene: str) -> str:
    served = "" if window.is_served(scene) else "s"
    bound = ("g" if window.is_load_bound else "") + ("c" if window.is_contended else "")
    return f"{number(window.cpu_ms_each)}{served}{bound}"


def scaling(series: Sequence[Series]) -> str:
    """Return how rate, CPU and memory grow with the viewers, where there are several numbers of them; else ""."""
    rows = [
        _growth_row(one, window)
        for one in series
        for window in one.windows[: _planned(one)]
        if _planned(one) >= SEVERAL
    ]
    head = ["profile", "server", "viewers", "frames/s of all", "frames/s each", "MB/s of all", "CPU, % of a core",
            "of it by process", "memory, MB"]  # fmt: skip
    return table(head, rows) if rows else ""


def _growth_row(series: Series, window: Window) -> list[str]:
    percent = {name: ms / window.seconds / 10 for name, ms in window.by_process_ms.items()}
    shown = [f"{name} {number(value, 1)}" for name, value in sorted(percent.items()) if value >= 0.05]
    return [
        series.profile, series.peer, str(window.viewers), number(window.frames / window.seconds, 0),
        number(window.rate, 1), number(window.bytes / window.seconds / 1e6, 1),
        number(window.cpu_ms / window.seconds / 10, 1), ", ".join(shown), number(window.pss_kb / 1024, 1),
    ]  # fmt: skip


def ratios(series: Sequence[Series], baseline: str, ours: str) -> str:
    """Return how much cheaper ours is, where both were measured; "" if nowhere."""
    found = {(one.scene, one.profile, one.peer): one for one in series}
    rows = []
    for (scene, profile, peer), our in sorted(found.items()):
        their = found.get((scene, profile, baseline))
        if peer == ours and their is not None:
            rows.append(_ratio_row(scene, profile, our, their))
    head = ["workload", "profile", "CPU at N=1", "B: times cheaper", "bytes/frame", "most viewers"]
    return table(head, rows) if rows else ""


def _ratio_row(scene: str, profile: str, our: Series, their: Series) -> list[str]:
    our_first, their_first = our.windows[0], their.windows[0]
    cpu = _ratio(our_first.cpu_ms_each, their_first.cpu_ms_each)
    size = _ratio(our_first.bytes_each, their_first.bytes_each)
    limits = f"{our.limit} : {their.limit}" if our.limit is not None and their.limit is not None else ""
    return [scene, profile, number(cpu), number(_ratio(_slope(their), _slope(our)), 1), number(size), limits]


def _slope(series: Series) -> float | None:
    """Return B; of a server too full for a fit, the cost of a delivered frame at its largest N."""
    if series.fit:
        return series.fit.b_ms
    return max(series.windows, key=lambda window: window.viewers).cpu_ms_each


def _ratio(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None


def latencies(found: Sequence[Latency]) -> str:
    """Return the table of latencies."""
    rows = [
        [one.kind, one.scene, one.peer, f"{one.viewers} {one.profile}", number(one.p50_ms), number(one.p90_ms),
         number(one.p99_ms), str(one.samples), str(one.lost)]
        for one in sorted(found, key=lambda one: (one.kind, one.scene, one.viewers, one.peer))
    ]  # fmt: skip
    return table(["what", "workload", "server", "beside", "p50", "p90", "p99", "samples", "lost"], rows)


def stalls(found: Sequence[Stall]) -> str:
    """Return the table of stalls."""
    rows = [
        [one.scene, one.profile, one.peer, f"{one.stopped} of {one.viewers}", number(one.rate_before),
         number(one.rate_after), number(one.memory_kb / 1024, 1)]
        for one in found
    ]  # fmt: skip
    return table(
        ["workload", "profile", "server", "stopped", "frames/s before", "of the others after", "MB more"],
        rows,
    )


def sharings(found: Sequence[Sharing]) -> str:
    """Return the table of several workers beside one."""
    rows = [
        [one.scene, one.profile, one.peer, str(one.viewers), f"{one.workers} : 1",
         f"{number(one.ratio, 3)} : {number(one.ratio_one, 3)}",
         f"{number(one.encode_ms)} : {number(one.encode_ms_one)}", number(_ratio(one.encode_ms, one.encode_ms_one)),
         str(one.taken), str(one.vain_waits)]
        for one in found
    ]  # fmt: skip
    return table(
        ["workload", "profile", "server", "viewers", "workers", "pixels encoded for each changed",
         "encoding, ms CPU a frame", "times", "rectangles taken", "waits in vain"],
        rows,
    )  # fmt: skip
