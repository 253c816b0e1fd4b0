"""What the process tests share: a quick configuration, the words of `status`, clients from other addresses."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from mpvnc.ipc.control import ControlSocket
from mpvnc.ipc.places import control_path
from tests.support.client import Client
from tests.support.handshake import HandshakeChoices
from tests.support.servers import Server
from tests.support.waits import eventually

SMALL_AND_QUICK = (
    "server.workers=2",
    "source.kind=demo",
    "source.width=320",
    "source.height=240",
    "timeouts.heartbeat_s=3",
    "timeouts.respawn_initial_s=0.05",
    "timeouts.drain_s=0.5",
)

Status = dict[str, Any]


def status_of(server: Server, instance: str = "default") -> Status:
    """Return the answer to `status`."""
    control = ControlSocket.connect(control_path(server.runtime_dir, instance))
    try:
        control.set_timeout(5.0)
        control.send({"type": "status"})
        received = control.receive()
    finally:
        control.close()
    assert received is not None, server.log_tail()
    return received[0]


def wait_viewers(server: Server, count: int, timeout_s: float = 5.0) -> None:
    """Wait until so many viewers are logged in."""
    eventually(
        lambda: status_of(server)["clients"]["authenticated"] == count, timeout_s, what=f"{count} viewers"
    )


def child_of(server: Server, role: str, slot: int | None = None) -> Status:
    """Return what `status` says of the first child of a role, or the one in a slot."""
    return next(
        child
        for child in status_of(server)["children"]
        if child["role"] == role and slot in (None, child["slot"])
    )


def wait_replaced(server: Server, child: Status, timeout_s: float = 8.0) -> Status:
    """Wait until another process has taken a child's place and is ready; return what `status` says of it."""

    def replaced() -> Status | None:
        now = child_of(server, child["role"], child["slot"])
        return now if now["pid"] not in (None, child["pid"]) and now["state"] == "ready" else None

    return eventually(replaced, timeout_s, what=f"another {child['role']}")


def connect_from(server: Server, address: str, **choices: Any) -> Client:
    """Connect a viewer from another address of this machine, such as 127.0.0.2; does not shake hands yet."""
    sock = socket.create_connection((server.host, server.port), timeout=5.0, source_address=(address, 0))
    return Client(sock, HandshakeChoices(**choices))


def open_descriptors(pid: int) -> int:
    """Return how many descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def segments(server: Server) -> set[str]:
    """Return the names in /dev/shm of frame segments that the supervisor holds."""
    found = set()
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        target = os.readlink(link)
        if target.startswith("/dev/shm/mpvnc-"):
            found.add(target.removeprefix("/dev/shm/").removesuffix(" (deleted)"))
    return found
