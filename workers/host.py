"""What a client needs of its surroundings: the worker that has it, and what it looks at."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Protocol

from mpvnc.session.broadcast import Broadcast, Delivery
from mpvnc.session.heard import Joined
from mpvnc.session.session import Session
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.inputs import Bus
from mpvnc.workers.readiness import Readiness
from mpvnc.workers.verifier import Verifier

if TYPE_CHECKING:
    from mpvnc.workers.client import Client


class Showing(Protocol):
    """What a client looks at; `show.Show` is one."""

    broadcast: Broadcast

    def offer(self, session: Session, now: float, unacknowledged_bytes: int) -> Delivery | None:
        """Offer it the screen."""

    def review(self, session: Session) -> None:
        """Look whether what it waits for is still what it wants."""


class Host(Bus, Protocol):
    """What a client needs of its encoder."""

    readiness: Readiness
    handshakes: Handshakes
    stall_timeout_s: float
    tls: ssl.SSLContext | None
    """What a connection that becomes TLS is to be given, if it can."""
    verifier: Verifier

    def offer(self, client: Client, now: float) -> Delivery | None:
        """Offer it the screen."""

    def review(self, client: Client) -> None:
        """Look whether what it waits for is still what it wants."""

    def joined(self, client: Client, joined: Joined) -> None:
        """Note that it is authenticated and initialised."""

    def came_late(self, client: Client) -> None:
        """Note that it is a browser, which was taken for a viewer."""

    def wrong_password(self, client: Client) -> None:
        """Note a wrong password; `Client.refuse` is called when it is to be answered."""

    def gone(self, client: Client, reason: str) -> None:
        """Note that it is gone; called once."""
