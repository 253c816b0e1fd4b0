"""The ledger: one line of JSON for each thing measured, so that every claim of speed can name its rows."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.figures import Series, as_row
from benchmarks.processes import HERE, ROOT, SERVER_CORE, pinned

LEDGER = HERE / "ledger.jsonl"


class Measured(Protocol):
    """What can be noted: a dataclass with slots, of a server. Its class gives the row its kind."""

    @property
    def peer(self) -> str:
        """The server."""


class Ledger:
    """Appends rows to a file; `path` None: keeps none."""

    def __init__(self, path: Path | None) -> None:
        self.run = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._path = path
        self._count = 0
        self._head = {"commit": commit(), "machine": machine()}

    def note(self, value: Measured, versions: dict[str, str]) -> str:
        """Append a row; return its name."""
        self._count += 1
        name = f"{self.run}-{self._count:03d}"
        if self._path is not None:
            row = {"row": name, **self._head, "pace_ms": pace_ms(), "version": versions.get(value.peer, "")}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**row, **figures(value)}) + "\n")
        return name


def figures(value: Measured) -> dict[str, Any]:
    """Return what a row says about a measurement; a window has its call counts in `counters`."""
    if not isinstance(value, Series):
        return {"kind": type(value).__name__.lower(), **as_row(value)}
    fit = value.fit
    return {
        "kind": "series", "peer": value.peer, "scene": value.scene, "profile": value.profile,
        "a_ms": fit and round(fit.a_ms, 4), "b_ms": fit and round(fit.b_ms, 5), "limit": value.limit,
        "rough": value.is_rough,
        "pss_kb_each": value.pss_kb_each and round(value.pss_kb_each, 1), "note": value.note,
        "windows": [as_row(window) for window in value.windows],
    }  # fmt: skip


def commit() -> str:
    """Return the commit of this checkout, with `+` if it has changes beside it."""
    head = _output(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    changed = _output(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks"]
    )
    return head + ("+" if changed else "")


def machine() -> str:
    """Return processor, cores, memory and kernel in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    cores, kernel, python = os.cpu_count(), platform.release(), platform.python_version()
    return f"{model}, {cores} cores, {memory} GB, Linux {kernel}, Python {python}"


def versions(packages: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the version of each (name, Debian package) that is installed."""
    return {
        name: f"{package} {_output(['dpkg-query', '--show', '--showformat=${Version}', package])}"
        for name, package in packages
        if package
    }


def pace_ms() -> float:
    """Return how long the server's core takes for a fixed piece of work now: machines drift."""
    with pinned(SERVER_CORE):
        data = bytes(range(256)) * 4096
        began = time.process_time()
        zlib.crc32(zlib.compress(data, 6))
        return round((time.process_time() - began) * 1000, 2)


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip()
