"""Programs that publish a surface to a `publish` source, each under a name of its own.

A publisher is a peer of the control socket, with one surface on each connection. The owner is the one that
started this supervisor for itself; it ends with it, whoever else publishes here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from mpvnc.errors import ControlError, PublishError
from mpvnc.ipc.control import Message
from mpvnc.ipc.places import feed_endpoint
from mpvnc.supervisor.commands import CommandServer, Peer
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.instance import Instance
from mpvnc.supervisor.listeners import Listener
from mpvnc.supervisor.loop import Loop
from mpvnc.supervisor.surfaces import Surface, Surfaces

logger = logging.getLogger(__name__)

DEFAULT_NAME = "main"
"""Of a surface whose program gave it no name."""


class Publishing:
    """Takes publishers in, passes on what they say."""

    def __init__(
        self,
        loop: Loop,
        commands: CommandServer,
        crew: Crew,
        surfaces: Surfaces,
        bring_in: Callable[[int, str], int],
        *,
        instance: Instance,
        kind: str,
    ) -> None:
        self._loop = loop
        self._commands = commands
        self._crew = crew
        self._surfaces = surfaces
        self._bring_in = bring_in
        """`Door.bring`."""
        self._instance = instance
        self._kind = kind
        self._publishers: dict[Peer, Surface] = {}
        self._listeners: Sequence[Listener] | None = None
        self.owner: Peer | None = None

    def open(self, listeners: Sequence[Listener]) -> None:
        """The server listens: answer the publishers that wait for it."""
        self._listeners = listeners
        for peer, surface in self._publishers.items():
            self._welcome(peer, surface)
        if not self._publishers and self._kind == "publish" and self.owner is None:
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
        surface = self._publishers.get(peer)
        if surface is None:
            return False
        if message["type"] == "withdraw":
            self._surfaces.withdraw(surface)
            return True
        try:
            if message["type"] == "viewer":
                self._loop.send(peer.control, self._brought(surface, fds))
                return True
            return self._surfaces.said(
                surface, message, lambda answer, fds: self._answer(peer, answer, fds), fds
            )
        except (ControlError, OSError, KeyError, TypeError, ValueError) as error:
            logger.error("the publisher (pid %d) sent a wrong %s: %r", peer.pid, message["type"], error)
            self.left(peer)
            self._commands.drop(peer)
            return True

    def left(self, peer: Peer) -> bool:
        """A peer's connection ended; whether it was the owner's, and so this supervisor's end."""
        surface = self._publishers.pop(peer, None)
        if surface is not None and peer is not self.owner:
            self._surfaces.leave(surface)
        return peer is self.owner

    def _brought(self, surface: Surface, fds: Sequence[int]) -> Message:
        """Bring a viewer in; return the answer. What is wrong with one is no fault of its program's."""
        if not fds:
            return {"type": "refused", "reason": "the server has no file descriptor left"}
        try:
            return {"type": "brought", "client": self._bring_in(fds[0], surface.name)}
        except OSError as error:
            return {"type": "refused", "reason": f"no connection: {error.strerror}"}

    def _join(self, peer: Peer, message: Message) -> None:
        name = str(message.get("name") or DEFAULT_NAME)
        try:
            surface = self._enter(peer, name, message)
        except PublishError as error:
            self._loop.send(peer.control, {"type": "refused", "reason": str(error)})
            return
        logger.info("process %d publishes %s", peer.pid, name)
        self._publishers[peer] = surface
        if self._listeners is not None:
            self._welcome(peer, surface)

    def _enter(self, peer: Peer, name: str, message: Message) -> Surface:
        if self._kind != "publish":
            raise PublishError(f"this server shows {self._kind}; publishers need source.kind: publish")
        if peer in self._publishers:
            raise PublishError(f"this connection publishes {self._publishers[peer].name} already")
        for other in [one for one, surface in self._publishers.items() if surface.name == name]:
            self._commands.settle(other)  # it may have gone, and this be the same program again
        title, view_only = str(message.get("title") or name), bool(message.get("view_only", False))
        return self._surfaces.enter(name, title, peer.pid, view_only=view_only)

    def _welcome(self, peer: Peer, surface: Surface) -> None:
        answer = {
            "type": "publish_ok",
            "workers": len(self._crew.encoders),
            "slot": len(self._crew.encoders),
            "slots": surface.page.slots,
            "instance": self._instance.name,
            "surface": surface.name,
            "bus": {
                "events": feed_endpoint(self._instance.endpoint("events"), surface.number),
                "notices": self._instance.endpoint("notices"),
            },
            "listeners": self._urls_of(surface),
        }
        self._answer(peer, answer, [surface.page_fd, surface.pointer_fd, *self._crew.bells])

    def _urls_of(self, surface: Surface) -> list[str]:
        """Return where viewers find a surface: at listeners of its own, and at the general ones if it is first."""
        is_first = self._surfaces.first in (None, surface)
        shows = (surface.name, "") if is_first else (surface.name,)
        found = [listener for listener in self._listeners or () if listener.surface in shows]
        return sorted((url for one in found for url in one.urls), key=lambda url: url.startswith("http"))

    def _answer(self, peer: Peer, message: Message, fds: Sequence[int]) -> None:
        self._loop.send(peer.control, message, fds)
