"""CairoVNC's interface over `mpvnc.publish`: `import mpvnc.cairovnc as cairovnc`, and a program goes on as it is.

A layer without a wire of its own: what viewers get and say goes through a `Publication`. Names, defaults and
meanings are those of CairoVNC 0.2.0; docs/publish.md says where each option went. Programs that are written anew
do better with `mpvnc.publish`.
"""

from mpvnc.cairovnc.clipboard import VNCClipboard
from mpvnc.cairovnc.connection import VNCConnection
from mpvnc.cairovnc.cursor import VNCCursor
from mpvnc.cairovnc.errors import (
    CairoVNCBadCursorError,
    CairoVNCBadPixelFormatError,
    CairoVNCBadSurfaceFormatError,
    CairoVNCError,
)
from mpvnc.cairovnc.events import (
    VNCEvent,
    VNCEventClick,
    VNCEventClipboard,
    VNCEventKey,
    VNCEventMove,
    VNCEventScroll,
)
from mpvnc.cairovnc.facade import CairoVNCServer
from mpvnc.cairovnc.options import CairoVNCOptions
from mpvnc.cairovnc.server import VNCServer

__all__ = [
    "CairoVNCBadCursorError",
    "CairoVNCBadPixelFormatError",
    "CairoVNCBadSurfaceFormatError",
    "CairoVNCError",
    "CairoVNCOptions",
    "CairoVNCServer",
    "VNCClipboard",
    "VNCConnection",
    "VNCCursor",
    "VNCEvent",
    "VNCEventClick",
    "VNCEventClipboard",
    "VNCEventKey",
    "VNCEventMove",
    "VNCEventScroll",
    "VNCServer",
]
