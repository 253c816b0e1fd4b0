"""Which backend captures: the user's choice, and what is taken where it cannot work.

Owns the order of the fallbacks and tells about them. Backends are loaded only when they are wanted.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mpvnc.capture.base import Capture
from mpvnc.errors import CaptureError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What is to be captured.

    Attributes:
        kind: "auto", "x11", "mss" or "demo".
        display: the X display, "" for $DISPLAY.
        width, height: size of the demo, in pixels.
        hint: a line that the demo shows its viewers.
    """

    kind: str
    display: str = ""
    width: int = 1280
    height: int = 720
    hint: str = ""


def settle(settings: SourceSettings) -> str:
    """Return the kind to use from now on: "auto" becomes "x11" if a display can be captured, else "demo".

    To be asked once: a display that goes away later is a source that is down, not a reason for the demo.
    """
    if settings.kind != "auto":
        return settings.kind
    try:
        open_capture("x11", settings).close()
    except CaptureError as error:
        logger.warning("source auto: %s; showing the demo", error)
        return "demo"
    return "x11"


def open_capture(kind: str, settings: SourceSettings) -> Capture:
    """Open a backend of a settled kind.

    Raises: CaptureError if it cannot be opened now.
    """
    if kind == "demo":
        from mpvnc.capture.demo import DemoCapture

        return DemoCapture(settings.width, settings.height, settings.hint)
    if kind == "mss":
        return _open_mss(settings.display)
    if kind == "x11":
        return _open_x11(settings.display)
    raise CaptureError(f"there is no capture backend {kind!r}")


def _open_x11(display: str) -> Capture:
    from mpvnc.capture.x11 import X11Capture
    from mpvnc.capture.xshm import SharedMemoryUnavailable

    try:
        return X11Capture(display)
    except SharedMemoryUnavailable as error:
        logger.warning("%s; falling back to screenshots by mss, which cost much more", error)
        return _open_mss(display, "x11 without shared memory")


def _open_mss(display: str, why: str = "") -> Capture:
    from mpvnc.capture.mssgrab import MssCapture

    return MssCapture(display, why)
