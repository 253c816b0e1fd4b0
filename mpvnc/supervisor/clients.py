"""What encoders say of their clients, and what follows from it for other clients and processes."""

from __future__ import annotations

import logging
import time

from mpvnc import log
from mpvnc.ipc.control import Message
from mpvnc.supervisor.admission import TOO_MANY, Admission, AuthThrottle, Client
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.policy import Child, State, state_of

logger = logging.getLogger(__name__)

EXCLUSIVE = "Another viewer asked for exclusive access"
NOT_SHARED = "Exclusive access is refused while others are connected"
_IDS_PER_MESSAGE = 2000


class ClientDesk:
    """Keeps the ledger by what encoders say; throttles, evicts, and tells the consumer who is gone."""

    def __init__(
        self, crew: Crew, admission: Admission, throttle: AuthThrottle, when_not_shared: str
    ) -> None:
        self._crew = crew
        self._admission = admission
        self._throttle = throttle
        self.when_not_shared = when_not_shared
        self.auth_failures = 0

    def said(self, encoder: Child, message: Message) -> bool:
        """Handle an encoder's message; False if it is not about a client.

        Raises: KeyError if the message is wrong.
        """
        kind = message["type"]
        if kind == "client" and message["state"] == "authenticated":
            self._authenticated(encoder, message)
        elif kind == "client" and message["state"] == "visiting":
            self._admission.is_visiting(message["client"])
        elif kind == "client" and message["state"] == "late":
            self._admission.has_come_late(message["client"], time.monotonic())
        elif kind == "client":
            self._admission.has_gone(message["client"])
            self._throttle.has_gone(message["client"], time.monotonic())
        elif kind == "auth_failed":
            self._auth_failed(encoder, message["client"])
        elif kind == "exclusive":
            self._exclusive(encoder, message["client"])
        else:
            return False
        return True

    def encoder_ended(self, encoder: Child) -> None:
        """Its clients ended with it: the consumer releases what they held."""
        gone = self._admission.encoder_has_gone(encoder.slot)
        for client in gone:
            self._throttle.has_gone(client.id, time.monotonic())
        if gone and state_of(encoder) is not State.EXITED:
            _log_crash(encoder, gone)
        for start in range(0, max(len(gone), 1), _IDS_PER_MESSAGE):
            clients = [client.id for client in gone[start : start + _IDS_PER_MESSAGE]]
            message = {"type": "worker_gone", "slot": encoder.slot, "clients": clients}
            self._crew.send(self._crew.consumer, message)

    def evict(self, client: int, reason: str) -> bool:
        """Have a client closed; False if there is none of that id."""
        record = self._admission.find(client)
        if record is None:
            return False
        log.for_client(logger, client).info("%s", reason)
        self._send_evict(self._crew.encoders[record.slot], client, reason)
        return True

    def _authenticated(self, encoder: Child, message: Message) -> None:
        client, view_only = message["client"], bool(message.get("view_only", False))
        surface = str(message.get("surface", ""))
        if not self._admission.has_authenticated(client, view_only=view_only, surface=surface):
            self._evict(encoder, client, TOO_MANY)

    def _auth_failed(self, encoder: Child, client: int) -> None:
        """Tell the encoder when to answer; what the next wrong password costs has grown by then."""
        record = self._admission.find(client)
        if record is None:
            return
        self.auth_failures += 1
        now = time.monotonic()
        delay_s = self._throttle.delay_s(record.address, now)
        self._throttle.has_failed(record.address, now)
        self._crew.send(encoder, {"type": "auth_delay", "client": client, "delay_s": delay_s})
        log.for_client(logger, client).warning(
            "wrong password from %s, answered after %.1f s", record.address, delay_s
        )

    def _exclusive(self, encoder: Child, client: int) -> None:
        """Apply `clients.when_not_shared` for a client that may control (RFC 6143 section 7.3.1).

        The desktop that it is not to be shared is the surface that it sees.
        """
        record = self._admission.find(client)
        if record is None or not record.is_authenticated or record.is_view_only:
            return
        if self.when_not_shared == "evict":
            message = {"type": "evict", "except": client, "surface": record.surface, "reason": EXCLUSIVE}
            self._crew.broadcast(message)
        elif self.when_not_shared == "refuse" and self._others_see(record):
            self._evict(encoder, client, NOT_SHARED)

    def _others_see(self, client: Client) -> bool:
        """Whether somebody else is in who sees the same."""
        return any(
            other.is_authenticated and other.surface == client.surface and other is not client
            for other in self._admission
        )

    def _evict(self, encoder: Child, client: int, reason: str) -> None:
        log.for_client(logger, client).info("evicted: %s", reason)
        self._send_evict(encoder, client, reason)

    def _send_evict(self, encoder: Child, client: int, reason: str) -> None:
        self._crew.send(encoder, {"type": "evict", "client": client, "reason": reason})


def _log_crash(encoder: Child, clients: list[Client]) -> None:
    """Say what its clients could not: an encoder that was asked to end says it itself."""
    logger.warning(
        "encoder %d took %d client%s with it", encoder.slot, len(clients), "" if len(clients) == 1 else "s"
    )
    for client in clients:
        log.for_client(logger, client.id).info("%s left: its encoder ended", client.address)
