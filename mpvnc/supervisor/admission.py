"""Who may come in: counts of clients, and delays for wrong passwords. Pure, with the time as an argument.

Owns the supervisor's ledger of clients. A client is unauthenticated from its hand-over until its encoder says
otherwise, and counts until its encoder says that it is gone, or the encoder itself is.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mpvnc.config import Clients
from mpvnc.supervisor.guesses import Guesses
from mpvnc.transport.addresses import network_of

TOO_MANY = "Too many viewers"
TOO_MANY_WAITING = "Too many connections that have not logged in"
VISITING_SHARE = 0.5
"""How much of `max_unauthenticated` the browsers of one address may take: a class behind one address has six
connections each while the page comes.
"""
LATE_S = 60.0
"""How long it is remembered of an address that the requests of its browsers come late."""
_LATE_CAPACITY = 1024
LOCAL = "local"
"""The address of peers on UNIX sockets."""


class Verdict(NamedTuple):
    """What happens to an arriving client: None in `reason` means that it is served."""

    reason: str | None
    must_drop: bool = False
    """Close it without a word: even refusals have a limit."""


@dataclass(slots=True)
class Client:
    """A client in the ledger; `slot` is its encoder's, `surface` the name of what it sees once it is in."""

    id: int
    address: str
    slot: int
    is_refused: bool
    is_visiting: bool = False
    is_authenticated: bool = False
    is_view_only: bool = False
    surface: str = ""


class Admission:
    """The ledger of clients and the limits on them."""

    def __init__(self, limits: Clients) -> None:
        self.limits = limits
        """May be replaced at any time; whoever is in stays in."""
        self._clients: dict[int, Client] = {}
        self._waiting: Counter[str] = Counter()
        self._visiting: Counter[str] = Counter()
        self._late: OrderedDict[str, float] = OrderedDict()
        self._loads: Counter[int] = Counter()
        self.refused = 0
        self.authenticated = 0

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def waiting(self) -> int:
        """Clients that are served but not authenticated (yet)."""
        return len(self._clients) - self.authenticated - self.refused

    def find(self, client: int) -> Client | None:
        """Return a client's record."""
        return self._clients.get(client)

    def load(self, slot: int) -> int:
        """Return how many clients an encoder has, refused ones included."""
        return self._loads[slot]

    def judge(self, address: str) -> Verdict:
        """Return what an arriving client is to be told; it is not in the ledger yet."""
        if self.is_full:
            reason = TOO_MANY
        elif self._is_crowded(address):
            reason = TOO_MANY_WAITING
        else:
            return Verdict(None)
        return Verdict(reason, must_drop=self.refused >= self.limits.max_unauthenticated)

    @property
    def is_full(self) -> bool:
        """Whether no more clients may authenticate."""
        return 0 < self.limits.max_connections <= self.authenticated

    def handed_over(self, client: int, address: str, slot: int, *, refused: bool) -> None:
        """An encoder has it now."""
        self._clients[client] = Client(client, address, slot, refused)
        self._loads[slot] += 1
        if refused:
            self.refused += 1
        else:
            self._waiting[network_of(address)] += 1

    def is_visiting(self, client: int) -> None:
        """It asked for a page: a browser, which has several connections. Not for one that is refused."""
        record = self._clients.get(client)
        if record is None or record.is_refused or record.is_authenticated or record.is_visiting:
            return
        self._no_longer_waiting(record)
        record.is_visiting = True
        self._visiting[network_of(record.address)] += 1

    def has_come_late(self, client: int, now: float) -> None:
        """It asked for a page when it had been greeted as a viewer already."""
        record = self._clients.get(client)
        if record is not None:
            network = network_of(record.address)
            self._late[network] = now
            self._late.move_to_end(network)
            if len(self._late) > _LATE_CAPACITY:
                self._late.popitem(last=False)

    def is_browsing(self, address: str, now: float) -> bool:
        """Whether a page is being loaded from there, as far as encoders have told, or browsers there are slow."""
        network = network_of(address)
        return self._visiting[network] > 0 or now < self._late.get(network, -math.inf) + LATE_S

    def has_authenticated(self, client: int, *, view_only: bool, surface: str = "") -> bool:
        """It gave the right password, or needed none; False if there is no room for it any more.

        One without room stays as it is: it is to be evicted.
        """
        record = self._clients.get(client)
        if record is None or record.is_authenticated or record.is_refused:
            return True
        if self.is_full:
            return False
        record.is_authenticated, record.is_view_only, record.surface = True, view_only, surface
        self.authenticated += 1
        self._no_longer_waiting(record)
        return True

    def has_gone(self, client: int) -> None:
        """Its encoder ended it."""
        record = self._clients.pop(client, None)
        if record is None:
            return
        self._loads[record.slot] -= 1
        if record.is_authenticated:
            self.authenticated -= 1
        elif record.is_refused:
            self.refused -= 1
        else:
            self._no_longer_waiting(record)

    def encoder_has_gone(self, slot: int) -> list[Client]:
        """An encoder ended and its clients with it; returns them."""
        gone = [client for client in self if client.slot == slot]
        for client in gone:
            self.has_gone(client.id)
        return gone

    def _is_crowded(self, address: str) -> bool:
        limits, network = self.limits, network_of(address)
        if self.waiting >= limits.max_unauthenticated:
            return True
        # Behind a proxy on this machine everybody has its address.
        return not _is_local(network) and (
            self._waiting[network] >= limits.max_unauthenticated_per_address
            or self._visiting[network] >= limits.max_unauthenticated * VISITING_SHARE
        )

    def _no_longer_waiting(self, record: Client) -> None:
        network = network_of(record.address)
        counts = self._visiting if record.is_visiting else self._waiting
        counts[network] -= 1
        if not counts[network]:
            del counts[network]


class AuthThrottle:
    """What the next wrong password from an address costs, and when its next connection is judged.

    The delay starts at `initial_s` and doubles with every recent failure of that address, up to `max_s`.
    After `forget_s` without a failure the address starts anew. At most `capacity` addresses are remembered,
    those that failed last.
    """

    def __init__(self, initial_s: float, max_s: float, forget_s: float = 300.0, capacity: int = 4096) -> None:
        self.set_delays(initial_s, max_s)
        self._forget_s = forget_s
        self._capacity = capacity
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._guesses = Guesses(capacity)

    def __len__(self) -> int:
        return len(self._failures)

    def set_delays(self, initial_s: float, max_s: float) -> None:
        """Take other delays; what is remembered of addresses stays."""
        self._initial_s = initial_s
        self._max_s = max(initial_s, max_s)

    def has_failed(self, address: str, now: float) -> None:
        """A wrong password came from this address."""
        network = network_of(address)
        self._failures[network] = (self._recent(network, now) + 1, now)
        self._failures.move_to_end(network)
        if len(self._failures) > self._capacity:
            self._failures.popitem(last=False)
        self._guesses.has_failed(network, now)

    def judge_after_s(self, client: int, address: str, now: float) -> float:
        """Return how long the answer of an arriving client is withheld, right or wrong; 0 in ordinary life."""
        return self._guesses.take(client, network_of(address), now)

    def has_gone(self, client: int, now: float) -> None:
        """A client left, judged or not."""
        self._guesses.has_gone(client, now)

    def delay_s(self, address: str, now: float) -> float:
        """Return how long the answer to the next wrong password of this address takes."""
        failures = self._recent(network_of(address), now)
        return min(self._initial_s * 2.0 ** min(failures, 32), self._max_s)

    def _recent(self, network: str, now: float) -> int:
        failures, last = self._failures.get(network, (0, now))
        return failures if now - last < self._forget_s else 0


def _is_local(network: str) -> bool:
    """Whether a proxy on this machine would come from there."""
    return network in (LOCAL, "127.0.0.1", network_of("::1"))
