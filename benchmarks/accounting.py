"""What processes cost, as /proc tells: CPU time and memory of whole process trees.

Owns reading /proc; starts and ends nothing. CPU time is the scheduler's own count (task/*/schedstat), in
nanoseconds; memory is the proportional set size (smaps_rollup), so that shared pages are counted once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """Return the pids of a process and all its live descendants."""
    found = [pid]
    with suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def cpu_ns(pids: Iterable[int]) -> dict[int, int]:
    """Return the CPU time so far of each process (all its live threads); those that are gone are left out."""
    times: dict[int, int] = {}
    for pid in pids:
        with suppress(OSError):
            tasks = (PROC / str(pid) / "task").iterdir()
            times[pid] = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    return times


def spent_ns(before: dict[int, int], after: dict[int, int]) -> int:
    """Return what was spent between two readings; a process that came in between counts from its start."""
    return sum(max(time - before.get(pid, 0), 0) for pid, time in after.items())


def name(pid: int) -> str:
    """Return what a process is: a role of mpvnc, else the name of its program; "" if it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else words[0]
    return module.rpartition("/")[2].removeprefix("mpvnc.workers.")


def spent_by_name(before: dict[int, int], after: dict[int, int]) -> dict[str, int]:
    """Return `spent_ns` of the processes of each name."""
    spent: dict[str, int] = {}
    for pid, time in after.items():
        of = name(pid)
        spent[of] = spent.get(of, 0) + spent_ns(before, {pid: time})
    return spent


def tree_cpu_ns(roots: Iterable[int]) -> dict[int, int]:
    """Return `cpu_ns` of several trees."""
    return cpu_ns(pid for root in roots for pid in tree(root))


def core_busy_ns(core: int) -> int:
    """Return how long a core has been busy, with whatever, in nanoseconds; to hundredths of a second."""
    for line in (PROC / "stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return 0


def pss_kb(pids: Iterable[int]) -> int:
    """Return the proportional set size of processes, in kilobytes of 1024 bytes."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total
