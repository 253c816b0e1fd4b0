"""Programs that publish a surface: one at a time is the writer of a `publish` source.

A publisher is a peer of the control socket. The owner is the one that started this supervisor for
itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mpvnc.errors import ControlError
from mpvnc.ipc.control import Message
from mpvnc.supervisor.commands import CommandServer, Peer
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.instance import Instance
from mpvnc.supervisor.loop import Loop
from mpvnc.supervisor.writers import Writers

logger = logging.getLogger(__name__)


class Publishing:
    """Takes publishers in, passes on what the one that publishes says."""

    def __init__(
        self,
        loop: Loop,
        commands: CommandServer,
        crew: Crew,
        writers: Writers,
        *,
        instance: Instance,
        kind: str,
    ) -> None:
        self._loop = loop
        self._commands = commands
        self._crew = crew
        self._writers = writers
        self._instance = instance
        self._kind = kind
        self._publisher: Peer | None = None
        self._urls: list[str] | None = None
        self.owner: Peer | None = None

    def open(self, urls: Sequence[str]) -> None:
        """The server listens: answer the publisher that waits for it."""
        self._urls = list(urls)
        if self._publisher is not None:
            self._welcome(self._publisher)
        elif self._kind == "publish" and self.owner is None:
            logger.info("waiting for a program to publish")

    def refuse_owner(self, reason: str) -> None:
        """Tell the owner, which may still wait for its first answer, why this supervisor ends."""
        if self.owner is not None:
            self._loop.send(self.owner.control, {"type": "refused", "reason": reason})

    def said(self, peer: Peer, message: Message, fds: Sequence[int] = ()) -> bool:
        """Handle a peer's message; False if it is none of a publisher's. `fds` stay the caller's."""
        if message["type"] == "publish":
            self._join(peer, message)
            return True
        if peer is not self._publisher:
            return False
        try:
            return self._writers.said(message, lambda answer, fds: self._answer(peer, answer, fds), fds)
        except (ControlError, KeyError, TypeError, ValueError) as error:
            logger.error("the publisher (pid %d) sent a wrong %s: %r", peer.pid, message["type"], error)
            self.left(peer)
            self._commands.drop(peer)
            return True

    def left(self, peer: Peer) -> bool:
        """A peer's connection ended; whether it was the owner's, and so this supervisor's end."""
        if peer is self._publisher:
            self._publisher = None
            if peer is not self.owner:
                self._writers.went("the publisher went")
        return peer is self.owner

    def _join(self, peer: Peer, message: Message) -> None:
        reason = self._refusal(peer)
        if reason is not None:
            self._loop.send(peer.control, {"type": "refused", "reason": reason})
            return
        self._publisher = peer
        name = str(message.get("title") or message.get("name") or "")
        logger.info("process %d publishes %s", peer.pid, name)
        self._writers.came(name, view_only=bool(message.get("view_only", False)))
        if self._urls is not None:
            self._welcome(peer)

    def _refusal(self, peer: Peer) -> str | None:
        if self._kind != "publish":
            return f"this server shows {self._kind}; publishers need source.kind: publish"
        if self._publisher not in (None, peer):
            return "another program publishes here already"
        if self.owner not in (None, peer):
            return "this server belongs to another program"
        return None

    def _welcome(self, peer: Peer) -> None:
        answer = {
            "type": "publish_ok",
            "workers": len(self._crew.encoders),
            "slot": len(self._crew.encoders),
            "slots": self._crew.slots,
            "bus": {
                "events": self._instance.endpoint("events"),
                "notices": self._instance.endpoint("notices"),
            },
            "listeners": self._urls,
        }
        self._answer(peer, answer, self._crew.page_fds)

    def _answer(self, peer: Peer, message: Message, fds: Sequence[int]) -> None:
        self._loop.send(peer.control, message, fds)
