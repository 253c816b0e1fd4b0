"""Who writes frames: the capture child or a publisher. What it asks for, and what the encoders hear of it.

Owns the segments and the state of one source, whose writers come one after the other: the screen of the capture
process, or a surface (surfaces.py). A publisher is a peer of the control socket that said `publish`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mpvnc.errors import ControlError, FrameError
from mpvnc.ipc.control import Message
from mpvnc.supervisor.segments import Generation, Segments, checked_size

logger = logging.getLogger(__name__)

_CLIPBOARD: Message = {"type": "notice", "notice": "clipboard"}

Send = Callable[[Message, Sequence[int]], None]
"""Sends a message with descriptors, to one process or to all encoders."""


@dataclass(slots=True)
class SourceState:
    """How the source stands, as its writer told."""

    is_up: bool = False
    reason: str = ""
    backend: str = ""
    name: str = ""
    view_only: bool = False

    @property
    def message(self) -> Message:
        """The `source` message for encoders."""
        return {
            "type": "source",
            "state": "up" if self.is_up else "down",
            "reason": self.reason,
            "name": self.name,
            "view_only": self.view_only,
        }


class Writers:
    """Answers the writer and tells the encoders.

    A configured desktop name holds until a program changes it; without one the source's own name counts.

    Args:
        what: what the log calls it.
    """

    def __init__(self, segments: Segments, broadcast: Send, desktop_name: str, what: str = "source") -> None:
        self._what = what
        self._segments = segments
        self._broadcast = broadcast
        self._desktop_name = desktop_name
        self._own_name = ""
        """What the source calls itself."""
        self._clipboard_fd = -1
        self.source = SourceState(name=desktop_name)
        self._is_quiet = False
        """Whether that it is down is as it should be."""
        self.refusal = ""
        """Why the last segment that was asked for could not be made; "" if it was."""

    @property
    def generation(self) -> Generation | None:
        """The generation that encoders have."""
        return self._segments.current

    @property
    def newest_frame(self) -> int:
        """The number of the newest published frame; 0 if there is none."""
        return self._segments.newest_frame

    def welcome(self, send: Send) -> None:
        """Tell a new encoder what there is."""
        if self._segments.current is not None:
            send(self._segments.current.message, [self._segments.current.segment.fd])
        send(self.source.message, [])
        if self._clipboard_fd >= 0:
            send(_CLIPBOARD, [self._clipboard_fd])

    def said(self, message: Message, answer: Send, fds: Sequence[int] = ()) -> bool:
        """Handle a writer's message; False if it is none of a writer's. What is kept of `fds` is copied.

        Raises: ControlError, KeyError if the message is wrong.
        """
        kind = message["type"]
        if kind == "allocate":
            self._allocate(message, answer)
        elif kind == "published":
            generation = self._segments.publish(message["generation"])
            logger.info("%s: frames of %dx%d", self._what, generation.width, generation.height)
            self._broadcast(generation.message, [generation.segment.fd])
            self._change(is_up=True, reason="")
        elif kind == "source":
            self._source(message)
        elif kind == "notice":
            self._notice(message)
        elif kind == "clipboard":
            self._change_clipboard(fds)
        else:
            return False
        return True

    def came(self, name: str, *, view_only: bool) -> None:
        """A writer is there; it publishes nothing yet."""
        self._own_name = name
        self._is_quiet = False
        self._change(name=self._desktop_name or name, view_only=view_only)

    def rename(self, desktop_name: str) -> None:
        """Take another configured desktop name; "" gives the source its own back."""
        if desktop_name != self._desktop_name:
            self._desktop_name = desktop_name
            self._change(name=desktop_name or self._own_name)

    def went(self, reason: str, *, as_said: bool = False) -> None:
        """The writer went, perhaps as it had said: the last frame stays."""
        self._is_quiet = as_said
        self._segments.abandon_pending()
        self._change(is_up=False, reason=reason, view_only=False)

    def close(self) -> None:
        """Dispose of the segments, and of the clipboard."""
        self._segments.close()
        self._drop_clipboard()

    def _allocate(self, message: Message, answer: Send) -> None:
        try:
            generation = self._segments.allocate(*checked_size(message))
        except FrameError as error:
            self.refusal = str(error)
            answer({"type": "refused", "reason": str(error)}, [])
            return
        self.refusal = ""
        answer(generation.message, [generation.segment.fd])

    def _source(self, message: Message) -> None:
        known = {"reason": str, "backend": str, "name": str}
        told: dict[str, str | bool] = {
            key: kind(message[key]) for key, kind in known.items() if key in message
        }
        self._own_name = str(told.get("name", self._own_name))
        if self._desktop_name:
            told.pop("name", None)
        if "state" in message:
            told["is_up"] = message["state"] == "up"
        self._change(**told)

    def _notice(self, message: Message) -> None:
        if message.get("notice") == "desktop_name":
            self.source.name = str(message["name"])
        self._broadcast(message, [])

    def _change_clipboard(self, fds: Sequence[int]) -> None:
        """Pass on a memfd with a clipboard, unread; encoders that start later get it too."""
        if len(fds) != 1:
            raise ControlError(f"a clipboard with {len(fds)} descriptors")
        self._drop_clipboard()
        self._clipboard_fd = os.dup(fds[0])
        self._broadcast(_CLIPBOARD, [self._clipboard_fd])

    def _drop_clipboard(self) -> None:
        if self._clipboard_fd >= 0:
            os.close(self._clipboard_fd)
            self._clipboard_fd = -1

    def _change(self, **told: str | bool) -> None:
        was = (self.source.is_up, self.source.reason)
        before = self.source.message
        for key, value in told.items():
            setattr(self.source, key, value)
        now = (self.source.is_up, self.source.reason)
        if self.generation is not None and now != was:
            self._log_state()
        if self.source.message != before:
            self._broadcast(self.source.message, [])

    def _log_state(self) -> None:
        if self.source.is_up:
            logger.info("%s is up", self._what)
        else:
            level = logging.INFO if self._is_quiet else logging.WARNING
            logger.log(level, "%s is down: %s", self._what, self.source.reason)
