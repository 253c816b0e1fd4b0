"""What a viewer was sent and when, to be sent again (bare.py).

A viewer that asks once is sent one update. So nothing has to be understood: what comes between a request and a
silence is one.
"""

from __future__ import annotations

import pickle
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import BenchError

SECONDS = 3.0
SETTLE_S = 1.5
"""So long nothing is kept: a new viewer is sent what rests once more, without losses."""
SILENCE_S = 0.012
"""An update comes in one piece, and the next one not before it was asked for; frames are 33 ms apart."""
_PATIENCE_S = 5.0
_PIXEL_FORMAT = struct.pack(">B3x4B3H3B3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_INIT_BYTES = 24


@dataclass(frozen=True, slots=True)
class Recording:
    """A viewer's side of a connection, without what comes before ServerInit.

    Attributes:
        init: ServerInit.
        picture: the first update, of everything.
        updates: those that followed, one for each request.
        times_s: when they came, counted from the first request for one.
        period_s: how long all of them took; they are to be sent again and again.
    """

    init: bytes
    picture: bytes
    updates: tuple[bytes, ...]
    times_s: tuple[float, ...]
    period_s: float

    def due(self, turn: int) -> float:
        """Return when an update is to be sent, in seconds from the beginning; numbers go on after the last."""
        rounds, index = divmod(turn, len(self.updates))
        return rounds * self.period_s + self.times_s[index]


def save(recording: Recording, path: Path) -> None:
    """Write it to a file of ours."""
    fields = [getattr(recording, name) for name in Recording.__slots__]
    path.write_bytes(pickle.dumps(fields))


def load(path: Path) -> Recording:
    """Read what `save` wrote."""
    return Recording(*pickle.loads(path.read_bytes()))


def record(port: int, encodings: Sequence[str], seconds: float = SECONDS) -> Recording:
    """Look at a server on loopback for so long, as a viewer that is always ready.

    Args:
        encodings: what it lists, as viewers.c is told them.
    Raises: BenchError if nothing comes.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as sock:
            init = _enter(sock, [int(word) for word in encodings])
            return _look(sock, init, seconds)
    except (OSError, struct.error) as error:
        raise BenchError(f"nothing to record: {error}") from error


def _enter(sock: socket.socket, encodings: Sequence[int]) -> bytes:
    """Return ServerInit after the handshake."""
    for answer in (b"RFB 003.008\n", b"\1", b"\1"):
        _burst(sock)
        sock.sendall(answer)
    init = _burst(sock)
    sock.sendall(_PIXEL_FORMAT + struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))
    return init


def _look(sock: socket.socket, init: bytes, seconds: float) -> Recording:
    width, height = struct.unpack_from(">2H", init)
    request = struct.pack(">4H", 0, 0, width, height)
    sock.sendall(b"\3\0" + request)
    picture = _burst(sock)
    _ask(sock, request, SETTLE_S)
    begin = time.monotonic()
    updates = _ask(sock, request, seconds)
    times = tuple(when - begin for when, _ in updates)
    return Recording(init, picture, tuple(data for _, data in updates), times, time.monotonic() - begin)


def _ask(sock: socket.socket, request: bytes, seconds: float) -> list[tuple[float, bytes]]:
    """Ask for changes again and again for so long; return what came, and when."""
    updates = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(b"\3\1" + request)
        data = _burst(sock)
        updates.append((time.monotonic() - SILENCE_S, data))
    return updates


def _burst(sock: socket.socket) -> bytes:
    """Return what comes until nothing more does."""
    data = sock.recv(1 << 20)
    while select.select([sock], [], [], SILENCE_S)[0]:
        got = sock.recv(1 << 20)
        if not got:
            break
        data += got
    if not data:
        raise ConnectionResetError("the server closed the connection")
    return data
