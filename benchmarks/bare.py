"""A peer: bare sockets. Sends what mpvnc was recorded to send, update for update, one call for each.

    bare.py PORT RECORDING      stdin: read and forgotten; it ends with it

The least that a server in Python can do for many viewers: an epoll set, a read for each request, a write for each
update, through `ssl.SSLSocket` if the viewers want TLS. It knows of RFB what viewers.c needs to begin, and lets each
of them in before it looks at the others again.
"""

from __future__ import annotations

import datetime
import os
import select
import socket
import ssl
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.recording import Recording, load
from mpvnc.supervisor.selfsigned import make

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
_HANDSHAKE_S = 5.0
_NONE, _VENCRYPT, _X509_NONE = 1, 19, 260


@dataclass(slots=True)
class Viewer:
    """A viewer: its socket, how many updates it may have had, and what it has not taken yet."""

    sock: socket.socket
    seen: int = -1
    rest: bytes | memoryview = b""


class Server:
    """All viewers, and the updates that are sent to them in turn."""

    def __init__(self, port: int, recording: Recording) -> None:
        self._recording = recording
        self._context = make_context()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._epoll = select.epoll()
        self._viewers: dict[int, Viewer] = {}
        self._waiting: list[Viewer] = []
        self._scratch = bytearray(4096)
        self._turn = -1
        """Counts the updates; the first picture is of none."""

    def run(self) -> None:
        """Serve until stdin ends."""
        listener = self._listener.fileno()
        for fd in (0, listener):
            self._epoll.register(fd, READ)
        begin = time.monotonic()
        for turn in count():
            due = begin + self._recording.due(turn)
            while (left := due - time.monotonic()) > 0:
                for fd, events in self._epoll.poll(left, 256):
                    if fd == listener:
                        self._accept()
                    elif fd:
                        self._serve(self._viewers[fd], events)
                    elif not os.read(0, 1 << 16):
                        return
            self._turn, waiting, self._waiting = turn, self._waiting, []
            for viewer in waiting:
                self._update(viewer)

    def _accept(self) -> None:
        sock = self._listener.accept()[0]
        try:
            sock = self._greet(sock)
        except OSError:
            sock.close()
            return
        self._viewers[sock.fileno()] = Viewer(sock)
        self._epoll.register(sock.fileno(), READ)

    def _greet(self, sock: socket.socket) -> socket.socket:
        """Let a viewer in as far as its first request; return its socket, encrypted if it chose that."""
        sock.settimeout(_HANDSHAKE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"RFB 003.008\n")
        read(sock, 12)
        sock.sendall(bytes([2, _NONE, _VENCRYPT]))
        if read(sock, 1)[0] == _VENCRYPT:
            sock.sendall(b"\0\2")
            read(sock, 2)
            sock.sendall(struct.pack(">BBI", 0, 1, _X509_NONE))
            read(sock, 4)
            sock.sendall(b"\1")
            sock = self._context.wrap_socket(sock, server_side=True)
        sock.sendall(bytes(4))
        read(sock, 1)
        sock.sendall(self._recording.init)
        read(sock, 20)
        (number,) = struct.unpack(">xxH", read(sock, 4))
        read(sock, 4 * number)
        sock.setblocking(False)
        return sock

    def _serve(self, viewer: Viewer, events: int) -> None:
        try:
            if events & WRITE:
                self._write(viewer, viewer.rest)
            if events & ~WRITE:
                self._answer(viewer, viewer.sock.recv_into(self._scratch))
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            self._drop(viewer)

    def _answer(self, viewer: Viewer, received: int) -> None:
        """Send what it asks for: the first picture, an update that it missed, or the next one when it is there."""
        if not received:
            self._drop(viewer)
        elif viewer.seen < 0:
            viewer.seen = max(self._turn, 0)
            self._write(viewer, self._recording.picture)
        elif viewer.seen < self._turn:
            self._update(viewer)
        else:
            self._waiting.append(viewer)

    def _update(self, viewer: Viewer) -> None:
        viewer.seen = self._turn
        try:
            self._write(viewer, self._recording.updates[self._turn % len(self._recording.updates)])
        except OSError:
            self._drop(viewer)

    def _write(self, viewer: Viewer, data: bytes | memoryview) -> None:
        try:
            done = viewer.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            done = 0
        if done != len(data):
            viewer.rest = memoryview(data)[done:] if done else data
            self._epoll.modify(viewer.sock.fileno(), READ | WRITE)
        elif viewer.rest:
            viewer.rest = b""
            self._epoll.modify(viewer.sock.fileno(), READ)

    def _drop(self, viewer: Viewer) -> None:
        if self._viewers.pop(viewer.sock.fileno(), None):
            self._epoll.unregister(viewer.sock.fileno())
            viewer.sock.close()


def make_context() -> ssl.SSLContext:
    """Return a context with a certificate like those that mpvnc makes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(make(["localhost"], datetime.datetime.now(datetime.UTC)))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def read(sock: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes. Raises: OSError if they do not come."""
    data = b""
    while len(data) < size:
        got = sock.recv(size - len(data))
        if not got:
            raise ConnectionResetError
        data += got
    return data


if __name__ == "__main__":
    Server(int(sys.argv[1]), load(Path(sys.argv[2]))).run()
