"""CairoVNC's options, and what they are called in the configuration of a server of ours."""

from __future__ import annotations

import copy
import logging
from typing import Any

from mpvnc.session.clipboard import FORMAT_MAX

logger = logging.getLogger(__name__)


class CairoVNCOptions:
    """What a server does; each attribute has CairoVNC's name and default.

    A server looks at its options whenever a viewer connects: what was changed by then holds for that viewer. Who is
    there keeps what it has, but for `max_framerate` and `verbose`, and for `read_only` when it becomes true.
    `host`, `port` and `display_name` count when the server starts; `change_name` is for later.

    Attributes:
        host, port: where to listen; an empty host is every address of the machine, port 0 any free one.
        password: viewers that give it may control; without any password everybody is let in.
        password_readonly: viewers that give it may look.
        display_name: what viewers call the screen.
        max_clients: so many viewers at a time; None for any number. One more is told so and sent away.
        max_framerate: frames per second, at most.
        read_only: whether nobody's input counts. False where both passwords are given here.
        event_queue_length: no effect: 500 unread events are kept, and whoever sends more loses its own oldest motions.
        push_requests: a viewer that has asked for one update gets all that follow.
        verbose: whether `client_log` prints what viewers do.
        zlib_level: 0 to 9; any but 6 is used for every viewer, whatever it asks for.
        clipboard_maximum_size: bytes in each format of a viewer's clipboard, 20 MiB at most.
    """

    def __init__(
        self,
        host: str = "0.0.0.0",
        port: int = 5900,
        password: str | None = None,
        password_readonly: str | None = None,
        display_name: str = "Cairo",
    ) -> None:
        self.host = host
        self.port = port
        self.password = password
        self.password_readonly = password_readonly
        self.display_name = display_name
        self.max_clients: int | None = 2
        self.max_framerate: float = 20
        self.read_only = not (password and password_readonly)
        self.event_queue_length = 500
        self.push_requests = False
        self.verbose = False
        self.zlib_level = USUAL_ZLIB_LEVEL
        self.clipboard_maximum_size = FORMAT_MAX

    def copy(self) -> CairoVNCOptions:
        """Return options that are the same and change by themselves."""
        return copy.copy(self)


USUAL_ZLIB_LEVEL = 6


def settings_of(options: CairoVNCOptions) -> dict[str, Any]:
    """Return the part of the configuration that options stand for and that can change while a server runs."""
    level = options.zlib_level
    lowest, highest = (0, 9) if level == USUAL_ZLIB_LEVEL else (level, level)
    return {
        "clients.max_connections": options.max_clients or 0,
        "clients.push_requests": bool(options.push_requests),
        "security.view_only": bool(options.read_only),
        "limits.max_client_cut_text": min(options.clipboard_maximum_size, FORMAT_MAX),
        "encoding.compression_min": lowest,
        "encoding.compression_max": highest,
        "logging.log_level": "DEBUG" if options.verbose else "INFO",
    }


def passwords_of(options: CairoVNCOptions) -> tuple[str | None, str | None]:
    """Return the password and the read-only one; None for none."""
    return options.password or None, options.password_readonly or None


def tell_what_has_no_effect(options: CairoVNCOptions) -> None:
    """Log it, for who wonders."""
    if options.event_queue_length != CairoVNCOptions().event_queue_length:
        logger.debug("event_queue_length has no effect: 500 unread events are kept, whatever it is")
    if options.clipboard_maximum_size > FORMAT_MAX:
        logger.debug("clipboard_maximum_size: %d is the limit of the server", FORMAT_MAX)
