"""The instance's control socket: commands of this user, and publishers that join.

Owns the listening socket, the check of the peer's user, and the connections. What a message means is told by
the handler it is given.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from mpvnc.errors import ControlError
from mpvnc.ipc.control import QUEUE_LIMIT, ControlSocket, Message
from mpvnc.supervisor.loop import Loop

logger = logging.getLogger(__name__)

MAX_PEERS = 64


class Peer:
    """One connection to the control socket."""

    def __init__(self, control: ControlSocket, pid: int) -> None:
        self.control = control
        self.pid = pid


Handler = Callable[[Peer, Message | None, list[int]], None]
"""Called with each message and its descriptors (the handler's), and with None at EOF, before it is closed."""


class CommandServer:
    """Listens on a path for peers of this user."""

    def __init__(self, loop: Loop, path: Path, handler: Handler) -> None:
        self._loop = loop
        self._handler = handler
        self._peers: set[Peer] = set()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.setblocking(False)
        # Nobody finds it under its name before it listens.
        hidden = path.with_suffix(".new")
        self._sock.bind(os.fspath(hidden))
        os.chmod(hidden, 0o600)
        self._sock.listen(MAX_PEERS)
        hidden.rename(path)
        loop.watch(self._sock, self._accept)

    def add(self, control: ControlSocket) -> Peer:
        """Treat an already connected socket as a peer, and take it over."""
        control.set_blocking(False)
        peer = Peer(control, control.peer_credentials()[0])
        self._peers.add(peer)
        self._loop.watch_control(control, lambda: self._readable(peer), lambda: self._flush(peer))
        return peer

    def settle(self, peer: Peer) -> None:
        """Hear what a peer has said by now; one that has hung up is gone then."""
        for _ in range(QUEUE_LIMIT):
            if not self._receive(peer):
                return

    def drop(self, peer: Peer) -> None:
        """Close a peer's connection."""
        if peer in self._peers:
            self._peers.remove(peer)
            self._loop.unwatch(peer.control)
            peer.control.close()

    def close(self) -> None:
        """Close all connections and stop listening."""
        for peer in list(self._peers):
            self.drop(peer)
        self._loop.unwatch(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return
        control = ControlSocket(sock)
        pid, uid = control.peer_credentials()
        if uid not in (os.geteuid(), 0) or len(self._peers) >= MAX_PEERS:
            logger.warning("process %d of user %d is refused at the control socket", pid, uid)
            control.close()
            return
        self.add(control)

    def _readable(self, peer: Peer) -> None:
        self._receive(peer)

    def _receive(self, peer: Peer) -> bool:
        """Handle one message or the end; False if there is neither."""
        if peer not in self._peers:
            return False
        try:
            received = peer.control.receive()
        except BlockingIOError:
            return False
        except ControlError as error:
            logger.warning("control socket, process %d: %s", peer.pid, error)
            received = None
        message, fds = received or (None, [])
        self._handler(peer, message, fds)
        if message is None:
            self.drop(peer)
        else:
            self._loop.refresh(peer.control)
        return True

    def _flush(self, peer: Peer) -> None:
        try:
            peer.control.flush()
        except ControlError:
            self._handler(peer, None, [])
            self.drop(peer)
            return
        self._loop.refresh(peer.control)
