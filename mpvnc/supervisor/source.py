"""What a source needs: which roles run for it, and which one "auto" means on this machine."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

from mpvnc.config import Config
from mpvnc.errors import ConfigError

logger = logging.getLogger(__name__)

CAPTURE = "capture"
INJECTOR = "injector"
ANIMATOR = "animator"


class Roles(NamedTuple):
    """The roles besides the encoders; writer None: the writer is a publisher that connects."""

    writer: str | None
    consumer: str


def roles_of(kind: str) -> Roles:
    """Return the roles for a kind of source other than auto."""
    return Roles(None, ANIMATOR) if kind == "publish" else Roles(CAPTURE, INJECTOR)


def resolve_kind(config: Config, environ: Mapping[str, str]) -> str:
    """Return the kind of source: "auto" is x11 if an X server answers, else demo.

    Raises: ConfigError if a display is wanted and none is named.
    """
    kind, display = config.source.kind, display_of(config, environ)
    if kind in ("x11", "mss") and not display:
        raise ConfigError("no display: set source.display or DISPLAY")
    if kind != "auto":
        return kind
    if display and display_answers(display):
        return "x11"
    if display:
        logger.warning("source.kind auto: nothing answers at display %r; showing the demo", display)
    return "demo"


def display_of(config: Config, environ: Mapping[str, str]) -> str:
    """Return the name of the X display; "" if there is none."""
    return config.source.display or environ.get("DISPLAY", "")


def display_answers(display: str, timeout_s: float = 1.0) -> bool:
    """Whether something listens where this X display should be (X(7), DISPLAY NAMES)."""
    match = re.fullmatch(r"(?:(.*?)(?:/unix)?):(\d+)(?:\.\d+)?", display)
    if not match:
        return False
    host, number = match[1] or "", int(match[2])
    if host in ("", "unix"):
        paths = (f"/tmp/.X11-unix/X{number}", f"\0/tmp/.X11-unix/X{number}")
        return any(_answers(socket.AF_UNIX, path, timeout_s) for path in paths)
    try:
        found = socket.getaddrinfo(host, 6000 + number, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_answers(family, address, timeout_s) for family, _, _, _, address in found)


def worker_count(config: Config) -> int:
    """Return how many encoders run: `server.workers`, 0 standing for the cores this process may use."""
    return config.server.workers or len(os.sched_getaffinity(0))


def _answers(family: int, address: object, timeout_s: float) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]
