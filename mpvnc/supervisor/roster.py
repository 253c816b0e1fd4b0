"""The list of clients for who asks: every encoder is asked for its own, and what it says is passed on at once.

Owns the requests under way, and how long encoders have. What is sent to the asker is a series of `clients`
messages; the last one has `more` false and names the encoders that did not answer in time. The clients of those
are told from the ledger. Nothing waits: a hung encoder costs the asker `ANSWER_S`, and nobody else anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mpvnc.ipc.control import Message
from mpvnc.supervisor.admission import Admission, Client
from mpvnc.supervisor.crew import Crew
from mpvnc.supervisor.policy import Child

ANSWER_S = 0.8
CLIENTS_PER_MESSAGE = 100
"""So many take far less than a packet of control.MAX_MESSAGE_BYTES."""

Peer = TypeVar("Peer")


@dataclass(slots=True)
class _Request(Generic[Peer]):
    """A question under way; `open_slots` are the encoders that have not told all."""

    peer: Peer
    deadline: float
    open_slots: set[int]
    told: set[int] = field(default_factory=set)


class Roster(Generic[Peer]):
    """Asks encoders for their clients on behalf of peers; `now` is monotonic seconds."""

    def __init__(self, crew: Crew, admission: Admission, send: Callable[[Peer, Message], object]) -> None:
        self._crew = crew
        self._admission = admission
        self._send = send
        self._requests: dict[int, _Request[Peer]] = {}
        self._next_number = 1

    def ask(self, peer: Peer, now: float) -> None:
        """Ask all encoders that run; `peer` is sent what they answer."""
        number, self._next_number = self._next_number, self._next_number + 1
        running = [child for child in self._crew.encoders if self._crew.pid(child) is not None]
        self._requests[number] = _Request(peer, now + ANSWER_S, {child.slot for child in running})
        for child in running:
            self._crew.send(child, {"type": "clients", "request": number})
        self._finish_if_complete(number)

    def said(self, encoder: Child, message: Message) -> bool:
        """Handle an encoder's message; False if it is none of clients. Late answers are forgotten.

        Raises: KeyError if the message is wrong.
        """
        if message["type"] != "clients":
            return False
        number, clients = message["request"], message["clients"]
        request = self._requests.get(number)
        if request is not None:
            request.told.update(client["client"] for client in clients)
            self._send(request.peer, {"type": "clients", "clients": clients, "more": True})
            if not message["more"]:
                request.open_slots.discard(encoder.slot)
                self._finish_if_complete(number)
        return True

    def encoder_ended(self, encoder: Child) -> None:
        """It will not answer, and has no clients any more."""
        for number, request in list(self._requests.items()):
            request.open_slots.discard(encoder.slot)
            self._finish_if_complete(number)

    def left(self, peer: Peer) -> None:
        """Who asked is gone."""
        self._requests = {
            number: request for number, request in self._requests.items() if request.peer is not peer
        }

    def next_time(self) -> float:
        """Return when `act` will have something to do; infinity if never."""
        return min((request.deadline for request in self._requests.values()), default=float("inf"))

    def act(self, now: float) -> None:
        """End what has taken too long."""
        for number, request in list(self._requests.items()):
            if now >= request.deadline:
                self._finish(number)

    def _finish_if_complete(self, number: int) -> None:
        if not self._requests[number].open_slots:
            self._finish(number)

    def _finish(self, number: int) -> None:
        request = self._requests.pop(number)
        missing = [
            _from_ledger(client)
            for client in self._admission
            if client.slot in request.open_slots and client.id not in request.told
        ]
        for start in range(0, len(missing), CLIENTS_PER_MESSAGE):
            share = missing[start : start + CLIENTS_PER_MESSAGE]
            self._send(request.peer, {"type": "clients", "clients": share, "more": True})
        silent = sorted(request.open_slots)
        self._send(request.peer, {"type": "clients", "clients": [], "more": False, "silent_workers": silent})


def _from_ledger(client: Client) -> Message:
    """Return what is known of the client of a silent encoder."""
    return {
        "client": client.id,
        "address": client.address,
        "worker": client.slot,
        "surface": client.surface,
        "is_in": client.is_authenticated,
        "view_only": client.is_view_only,
    }
