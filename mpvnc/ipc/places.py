"""Where the instances of this user are: one rule for those who serve, who join and who command.

Owns: the names of the runtime directory and of what others look for in it. Touches no file, loads no numpy.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def runtime_directory(configured: str, environ: Mapping[str, str]) -> Path:
    """Return the directory of all instances: as configured, else as the environment has it."""
    for named in (configured, environ.get("MPVNC_RUNTIME_DIR")):
        if named:
            return Path(named).absolute()
    if environ.get("XDG_RUNTIME_DIR"):
        return Path(environ["XDG_RUNTIME_DIR"]) / "mpvnc"
    if os.geteuid() == 0:
        return Path("/run/mpvnc")
    return Path(tempfile.gettempdir()) / f"mpvnc-{os.geteuid()}"


def feed_endpoint(events: str, surface: int) -> str:
    """Return where a surface's program gets its events: the instance's `events` endpoint has one per surface."""
    return f"{events}-{surface}"


def state_directory(configured: str, environ: Mapping[str, str]) -> Path:
    """Return where what outlives a server is kept: as configured, else as the environment has it."""
    for named in (configured, environ.get("MPVNC_STATE_DIR")):
        if named:
            return Path(named).absolute()
    if environ.get("XDG_STATE_HOME"):
        return Path(environ["XDG_STATE_HOME"]) / "mpvnc"
    return Path(environ.get("HOME") or "/var/lib") / (
        ".local/state/mpvnc" if environ.get("HOME") else "mpvnc"
    )


def control_path(directory: Path, instance: str) -> Path:
    """Return where an instance's control socket is."""
    return directory / instance / "control"
