"""The encoder role: a worker process that serves its clients from the frames of one screen.

It wires the pure half (`mpvnc.session`) to the machine: frames and pointer come through shared memory when the
bell rings, clients through the control socket, bytes through their sockets, input goes out on the bus. One
asyncio loop, raw sockets, no threads. Between two slices of encoding the loop serves whatever is ready.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from mpvnc.errors import ControlError, MpvncError
from mpvnc.ipc.bus import InputSender
from mpvnc.kernels import coding, moves, tiles
from mpvnc.log import for_client
from mpvnc.metrics import Counter
from mpvnc.session.broadcast import Delivery
from mpvnc.session.heard import Joined
from mpvnc.session.session import Session
from mpvnc.transport.farewell import CROWDED, LEAVING
from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.transport.websocket import WebSocketPipe
from mpvnc.workers.arrival import Arrival
from mpvnc.workers.client import Client
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.lobby import Lobby
from mpvnc.workers.readiness import Readiness
from mpvnc.workers.report import Reporter
from mpvnc.workers.runtime import BEAT_INTERVAL_S, Runtime, start
from mpvnc.workers.settings import handshake_settings, read_security, session_settings
from mpvnc.workers.shows import Shows
from mpvnc.workers.verifier import Verifier

DRAIN_S = 1.0
"""How long updates that are on their way may take when the server stops."""
_DRAIN_LOOK_S = 0.02
_UNSENT_LIMIT = 10_000
"""Clients that left while nobody took input; a consumer that starts anew releases everything anyway."""

logger = logging.getLogger(__name__)


class Encoder:
    """The clients of one worker, and the screen they see."""

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._runtime = runtime
        self._counters = runtime.counters
        self.readiness = Readiness(loop)
        self.handshakes = Handshakes(loop, self.readiness)
        self.tls: ssl.SSLContext | None = None
        self.verifier = Verifier(loop)
        self.shows = Shows(runtime, loop)
        self._clients: dict[int, Client] = {}
        self._sender = InputSender(runtime.input_endpoint)
        self._unsent: deque[bytes] = deque(maxlen=_UNSENT_LIMIT)
        self._drain_until: float | None = None
        self._received_bytes = self._counters.get(Counter.BYTES_RECEIVED)
        """From those that have gone."""
        self._reporter = Reporter(loop, self._clients, self._tell)
        self._lobby = Lobby(
            loop, self.shows, self.verifier, self.handshakes, admit=self._adopt, tell=self._tell
        )
        self._configure()
        self._handlers: dict[str, Callable[[dict[str, Any], list[int]], None]] = {
            **self.shows.handlers,
            "security": self._on_security,
            "adopt": self._on_adopt,
            "auth_delay": self._on_auth_delay,
            "evict": self._on_evict,
            "clients": self._on_clients,
            "reconfigure": self._on_reconfigure,
            "drain": self._on_drain,
        }

    def run(self) -> None:
        """Serve until the supervisor says otherwise, or is gone."""
        self.loop.add_reader(self._runtime.control.fileno(), self._on_control)
        self.shows.begin()
        self.loop.call_soon(self._beat)
        compiled = coding.COMPILED and moves.COMPILED and tiles.COMPILED
        self._counters.set(Counter.KERNELS_COMPILED, 1 if compiled else 2)
        if not compiled:
            logger.warning("the compiled kernels are missing: encoding in numpy, many times slower")
        self._runtime.ready()
        self.loop.run_forever()
        self._lobby.close("the server stops")
        for client in list(self._clients.values()):
            client.close("the server stops", LEAVING)
        self.shows.end()
        self.verifier.close()
        self._sender.close()

    # -- Host: what clients ask for

    def offer(self, client: Client, now: float) -> Delivery | None:
        """Offer it the screen; encode what is missing, slice by slice."""
        session = client.session
        if self._drain_until is not None:
            return None
        unacknowledged = 0
        if session.demand.is_continuous and not session.pacer.has_fences:
            unacknowledged = client.pipe.unacknowledged_bytes()
        return client.show.offer(session, now, unacknowledged)

    def review(self, client: Client) -> None:
        """Look whether what it waits for is still what it wants."""
        client.show.review(client.session)

    def emit(self, message: bytes) -> bool:
        """Put a message on the input bus."""
        if not self._sender.send(message):
            return False
        self._counters.add(Counter.INPUT_EVENTS)
        return True

    def emit_surely(self, message: bytes) -> None:
        """Put a message on the input bus, later if the bus does not take it now: what a client holds down
        must be released after it has gone.
        """
        self._unsent.append(message)
        self._emit_unsent()

    def _emit_unsent(self) -> None:
        while self._unsent and self.emit(self._unsent[0]):
            self._unsent.popleft()

    def joined(self, client: Client, joined: Joined) -> None:
        """Tell the supervisor that it is in."""
        if isinstance(client.pipe, WebSocketPipe):
            client.pipe.trust()
        self.shows[client.surface].joined(client)
        log = for_client(logger, client.ident)
        log.info("%s chose the security type %s", client.address, client.session.connection.security)
        log.info(
            "%s joined%s%s",
            client.address,
            f" as {client.user}" if client.user else "",
            " view-only" if joined.view_only else "",
        )
        said = {
            "type": "client",
            "client": client.ident,
            "state": "authenticated",
            "view_only": joined.view_only,
            "surface": client.surface,
        }
        self._tell(said)
        if not joined.shared and not joined.view_only:
            self._tell({"type": "exclusive", "client": client.ident})

    def came_late(self, client: Client) -> None:
        """Tell the supervisor, so that the next ones from there get more time."""
        self._tell({"type": "client", "client": client.ident, "state": "late"})

    def wrong_password(self, client: Client) -> None:
        """Tell the supervisor, which knows how often that address has guessed: it answers `auth_delay`."""
        self._counters.add(Counter.AUTH_FAILURES)
        self._tell({"type": "auth_failed", "client": client.ident, "address": client.address})

    def gone(self, client: Client, reason: str) -> None:
        """Forget it and tell the supervisor."""
        self.shows.dismiss(client)
        del self._clients[client.ident]
        self._counters.set(Counter.CLIENTS, len(self._clients))
        self._received_bytes += client.pipe.received_bytes
        for_client(logger, client.ident).info(
            "%s left: %s (%d updates, %d bytes out, %d in)",
            client.address, reason, client.updates, client.pipe.sent_bytes, client.pipe.received_bytes,
        )  # fmt: skip
        self._tell({"type": "client", "client": client.ident, "state": "gone", "reason": reason})

    def _count_received(self) -> None:
        """Put into the status page what clients have said so far."""
        received = sum(client.pipe.received_bytes for client in self._clients.values())
        self._counters.set(Counter.BYTES_RECEIVED, self._received_bytes + received)

    # -- the supervisor

    def _on_control(self) -> None:
        while True:
            try:
                received = self._runtime.control.receive()
            except BlockingIOError:
                return
            except ControlError as error:
                logger.error("control: %s", error)
                continue
            if received is None:
                self.loop.stop()
                return
            message, fds = received
            handler = self._handlers.get(message["type"], self._on_unknown)
            handler(message, fds)

    def _on_unknown(self, message: dict[str, Any], fds: list[int]) -> None:
        logger.warning("control: %s is not known here", message["type"])
        for fd in fds:
            os.close(fd)

    def _on_security(self, message: dict[str, Any], fds: list[int]) -> None:
        """Take certificate and users, for those who come from now on."""
        try:
            self.tls, self.verifier.users = read_security(message, fds)
        except (OSError, IndexError, MpvncError) as error:
            self.tls, self.verifier.users = None, {}
            logger.error("no TLS and no users: %s", error)
        finally:
            self._lobby.tls = self.tls
            for fd in fds:
                os.close(fd)

    def _on_adopt(self, message: dict[str, Any], fds: list[int]) -> None:
        if not fds:
            ident = message["client"]
            self._tell({"type": "client", "client": ident, "state": "gone", "reason": "no descriptor left"})
            return
        self._lobby.receive(message, socket.socket(fileno=fds[0]))

    def _adopt(self, arrival: Arrival, pipe: Stream) -> None:
        """Serve one that speaks RFB."""
        ident, address = arrival.ident, arrival.address
        try:
            client = self._admit(arrival, pipe)
        except (OSError, MpvncError) as error:
            for_client(logger, ident).error("%s cannot be served: %s", address, error)
            pipe.close()
            self._tell({"type": "client", "client": ident, "state": "gone", "reason": str(error)})
            return
        self._counters.add(Counter.SESSIONS)
        self._counters.set(Counter.CLIENTS, len(self._clients))
        for_client(logger, ident).info("%s connected", address)
        if arrival.refusal:
            client.refuse(arrival.refusal, CROWDED)
        client.start()

    def _admit(self, arrival: Arrival, pipe: Stream) -> Client:
        # The time that it has begins when its turn comes.
        judge_at = max(arrival.judge_at, self.loop.time())
        handshake = handshake_settings(
            self._runtime.config,
            self._runtime.secrets,
            can_encrypt=self.tls is not None and isinstance(pipe, Pipe),
            is_encrypted=arrival.is_encrypted,
        )
        session = Session(handshake, self._settings, judge_at)
        looks_at = self.shows.find(arrival.surface)
        client = Client(arrival.ident, arrival.address, pipe, session, self, judge_at=judge_at)
        client.slot = self._runtime.slot
        self.shows.admit(client, looks_at)
        self._clients[arrival.ident] = client
        return client

    def _on_auth_delay(self, message: dict[str, Any], _fds: list[int]) -> None:
        self._lobby.auth_delay(message["client"], message["delay_s"])
        client = self._clients.get(message["client"])
        if client is not None:
            self.loop.call_later(message["delay_s"], client.refuse, "Authentication failed")

    def _on_evict(self, message: dict[str, Any], _fds: list[int]) -> None:
        reason = message.get("reason", "evicted")
        self._lobby.evict(message.get("client", -1), reason)
        for client in list(self._clients.values()):
            if client.ident == message.get("client") or (
                "except" in message
                and client.ident != message["except"]
                and client.has_joined
                and client.surface == message.get("surface", "")
            ):
                client.evict(reason)

    def _on_clients(self, message: dict[str, Any], _fds: list[int]) -> None:
        self._reporter.report(message["request"])

    def _on_reconfigure(self, message: dict[str, Any], _fds: list[int]) -> None:
        """Passwords, limits and encodings are for those who come from now on."""
        self._runtime.reconfigure(message)
        self._configure()

    def _configure(self) -> None:
        self.stall_timeout_s = self._runtime.config.clients.stall_timeout_s
        self._settings = session_settings(self._runtime.config, self._runtime.source)
        self.shows.mute(self._runtime.config.security.view_only)
        self._lobby.configure(self._runtime.config, self._runtime.secrets)

    def _on_drain(self, _message: dict[str, Any], _fds: list[int]) -> None:
        """Let what is on its way get there, start nothing new; a second one ends at once."""
        if self._drain_until is not None:
            self.loop.stop()
            return
        self._drain_until = self.loop.time() + DRAIN_S
        self._lobby.close("the server stops")
        self._finish()

    def _finish(self) -> None:
        """Close those who have everything; end when all have, or have taken too long."""
        assert self._drain_until is not None
        left = [client for client in list(self._clients.values()) if not client.finish("the server stops")]
        if left and self.loop.time() < self._drain_until:
            self.loop.call_later(_DRAIN_LOOK_S, self._finish)
        else:
            self.loop.stop()

    def _beat(self) -> None:
        self.loop.call_later(BEAT_INTERVAL_S, self._beat)
        now = self.loop.time()
        for client in self._clients.values():
            client.mark(now)
        self.shows.write_counters()
        self._count_received()
        self.shows.judge()
        self._emit_unsent()
        try:
            self._runtime.beat()
        except ControlError:
            self.loop.stop()

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._runtime.send(message)
        except ControlError as error:
            if self.loop.is_running():  # else the supervisor has said farewell before
                logger.info("the supervisor is gone: %s", error)
            self.loop.stop()
        self._watch_control()

    def _watch_control(self) -> None:
        """Send what the supervisor did not take at once as soon as it does."""
        control = self._runtime.control
        if control.wants_write:
            self.loop.add_writer(control.fileno(), self._flush_control)
        else:
            self.loop.remove_writer(control.fileno())

    def _flush_control(self) -> None:
        try:
            self._runtime.control.flush()
        except ControlError:
            self.loop.stop()
        self._watch_control()


def main() -> None:
    """Run as a child of the supervisor."""
    runtime = start("encoder")
    loop = asyncio.new_event_loop()
    try:
        Encoder(runtime, loop).run()
    except ControlError as error:
        logger.info("the supervisor is gone: %s", error)
    finally:
        loop.close()
        runtime.close()


if __name__ == "__main__":
    main()
