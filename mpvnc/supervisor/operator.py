"""What a person asks of a running supervisor over its control socket: status, clients, kick, reload.

Owns the answers. Everybody who may connect there may ask: peers of the same user.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from mpvnc.errors import ConfigError
from mpvnc.ipc.control import Message
from mpvnc.supervisor.clients import ClientDesk
from mpvnc.supervisor.commands import Peer
from mpvnc.supervisor.loop import Loop
from mpvnc.supervisor.roster import Roster

KICKED = "Disconnected by the operator"


class Reloaded(NamedTuple):
    """What a reload did: keys that changed, lines about keys that could not, warnings."""

    changed: list[str]
    later: list[str]
    warnings: list[str]


class Operator:
    """Answers peers. `reload` raises ConfigError if the configuration cannot be taken."""

    def __init__(
        self,
        loop: Loop,
        desk: ClientDesk,
        roster: Roster[Peer],
        status: Callable[[], Message],
        reload: Callable[[], Reloaded],
    ) -> None:
        self._loop = loop
        self._desk = desk
        self._roster = roster
        self._status = status
        self._reload = reload

    def said(self, peer: Peer, message: Message) -> bool:
        """Handle a peer's message; False if it asks for none of these."""
        kind = message["type"]
        if kind == "status":
            self._loop.send(peer.control, self._status())
        elif kind == "clients":
            self._roster.ask(peer, time.monotonic())
        elif kind == "kick":
            self._loop.send(peer.control, self._kick(message.get("client")))
        elif kind == "reload":
            self._loop.send(peer.control, reloaded_message(self._reload))
        else:
            return False
        return True

    def _kick(self, client: object) -> Message:
        if isinstance(client, int) and self._desk.evict(client, KICKED):
            return {"type": "kicked", "client": client}
        return {"type": "refused", "reason": f"there is no client {client}"}


def reloaded_message(reload: Callable[[], Reloaded]) -> Message:
    """Return the answer to a reload, done by this."""
    try:
        done = reload()
    except ConfigError as error:
        return {"type": "bad_config", "reason": str(error)}
    return {"type": "reloaded", **done._asdict()}
