"""The supervisor: children, listeners, segments and the control socket, wired together and run.

It accepts sockets and hands them over, keeps the children as policy.py says, and owns everything that
outlives a child. It reads no client's byte, and loads neither numpy nor an encoder.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from socket import socket
from typing import Protocol, TypeVar

from mpvnc import log
from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError
from mpvnc.frames.pointer import pointer_page_bytes
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.ipc.places import runtime_directory
from mpvnc.supervisor import policy
from mpvnc.supervisor.admission import Admission, AuthThrottle
from mpvnc.supervisor.arenas import Arenas
from mpvnc.supervisor.checks import wants_https
from mpvnc.supervisor.children import role_command
from mpvnc.supervisor.clients import ClientDesk
from mpvnc.supervisor.commands import CommandServer, Peer
from mpvnc.supervisor.crew import TICK_S, Crew
from mpvnc.supervisor.descriptors import raise_limit
from mpvnc.supervisor.door import Door
from mpvnc.supervisor.instance import open_instance
from mpvnc.supervisor.keyring import Keyring
from mpvnc.supervisor.listeners import open_listeners, parse_listeners
from mpvnc.supervisor.loop import Loop
from mpvnc.supervisor.operator import Operator, Reloaded, reloaded_message
from mpvnc.supervisor.placement import Load, candidates
from mpvnc.supervisor.policy import ENCODER, Child, State, Stop, state_of
from mpvnc.supervisor.publishing import Publishing
from mpvnc.supervisor.rates import Rates
from mpvnc.supervisor.roster import Roster
from mpvnc.supervisor.settings import Amend, Read, Settings
from mpvnc.supervisor.signals import SignalPipe
from mpvnc.supervisor.source import display_of, resolve_kind, roles_of, worker_count
from mpvnc.supervisor.status import Overview, snapshot
from mpvnc.supervisor.surfaces import Surfaces

logger = logging.getLogger(__name__)

ANNOUNCE = "mpvnc ready:"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a supervisor is started with besides its configuration.

    Attributes:
        read: reads the configuration anew, from where it came from.
        command: gives the command of a role, without `--control-fd N`.
        publisher: the socket of the program that started this supervisor for itself; taken over.
        amend: has `read` put settings and passwords of that program on top; returns what undoes it.
    """

    environ: Mapping[str, str]
    version: str
    read: Read
    command: Callable[[str], Sequence[str]] = role_command
    publisher: ControlSocket | None = None
    amend: Amend | None = None


class Supervisor:
    """A supervisor, from `run` to its exit code. Main thread only; one per process."""

    def __init__(self, config: Config, secrets: Secrets, setup: Setup) -> None:
        self._setup = setup
        self._settings = Settings(config, secrets, setup.read, setup.amend, setup.environ)
        self._kind = resolve_kind(config, setup.environ)
        self._workers = worker_count(config)
        self._started = time.monotonic()
        self._stop: Stop | None = None
        self._failure: str | None = None
        self._announced = False
        self._consumer_backend = ""

    def run(self) -> int:
        """Serve until asked to stop; return the exit code: 0 stopped as asked, 1 failed.

        Raises: MpvncError if it cannot start; nothing is left behind then.
        """
        raise_limit(self._settings.config.clients)
        with ExitStack() as stack:
            self._open(stack)
            self._serve()
        return 0 if self._failure is None else 1

    def _open(self, stack: ExitStack) -> None:
        """Take everything that a running supervisor owns, to be given back in the opposite order."""
        config = self._settings.config
        directory = runtime_directory(config.server.runtime_dir, self._setup.environ)
        self._instance = _kept(stack, open_instance(directory, config.server.name))
        self._settings.open(self._hand_out, self._reconfigure)
        stack.callback(self._settings.close)
        self._loop = _kept(stack, Loop())
        self._signals = _kept(stack, SignalPipe())
        self._loop.watch(self._signals, self._signalled)
        self._arenas = _kept(stack, Arenas(self._workers))
        self._crew = _kept(stack, self._make_crew())
        name, limit = config.server.desktop_name, config.source.max_surfaces
        self._surfaces = _kept(stack, Surfaces(self._instance.name, self._crew, name, limit))
        self._admission = Admission(config.clients)
        throttle = AuthThrottle(config.security.auth_delay_s, config.security.auth_delay_max_s)
        self._throttle = throttle
        self._clients = ClientDesk(self._crew, self._admission, throttle, config.clients.when_not_shared)
        self._roster: Roster[Peer] = Roster(
            self._crew, self._admission, lambda peer, message: self._loop.send(peer.control, message)
        )
        self._operator = Operator(self._loop, self._clients, self._roster, self.status, self._settings.reload)
        self._rates = Rates(self._crew.status, [child.slot for child in self._crew.children])
        self._door = Door(self._loop, self._admission, throttle, self._hand_over)
        stack.callback(self._door.dispose)
        self._door.hold(open_listeners(parse_listeners(config.server)))
        self._door.name_https(wants_https(config, self._settings.secrets))
        self._commands = _kept(stack, CommandServer(self._loop, self._instance.control_path, self._peer_said))
        self._publishing = Publishing(
            self._loop,
            self._commands,
            self._crew,
            self._surfaces,
            self._door.bring,
            instance=self._instance,
            kind=self._kind,
        )
        if self._setup.publisher is not None:
            self._publishing.owner = self._commands.add(self._setup.publisher)

    def _serve(self) -> None:
        next_tick = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_tick:
                self._crew.tick(now)
                self._rates.tick(now)
                next_tick = now + TICK_S
            self._crew.act(now, self._stop)
            self._judge(now)
            self._roster.act(now)
            if self._stop is not None and self._crew.is_gone:
                return
            self._announce_if_ready()
            self._door.pump()
            due = policy.next_time(self._crew.children, now, self._settings.config.timeouts, self._stop)
            self._loop.turn(min(next_tick, due, self._roster.next_time()) - time.monotonic())

    def _judge(self, now: float) -> None:
        if self._stop is not None:
            return
        reason = policy.give_up_reason(self._crew.children, announced=self._announced)
        if reason is None and not self._announced and self._kind != "publish":
            reason = self._surfaces.screen.refusal or None
        if reason is not None:
            logger.critical("giving up: %s", reason)
            self._publishing.refuse_owner(reason)
            self._failure = reason
            self._request_stop(now, quick=True)

    def _announce_if_ready(self) -> None:
        if self._announced or self._stop is not None:
            return
        waits_for_frame = self._surfaces.screen.generation is None and self._kind != "publish"
        if waits_for_frame or any(child.ready_since is None for child in self._crew.children):
            return
        self._announced = True
        self._door.open()
        urls = " ".join(self._door.urls)
        _print(f"{ANNOUNCE} {urls} source={self._kind} workers={self._workers}")
        everywhere = any(listener.is_on_all_addresses for listener in self._door.listeners)
        logger.info(
            "listening on %s%s", urls or "nothing", ", and this machine's other addresses" * everywhere
        )
        self._publishing.open(self._door.listeners)

    def _request_stop(self, now: float, *, quick: bool) -> None:
        since = now if self._stop is None else self._stop.since
        self._stop = Stop(since, quick or self._stop is not None)
        self._door.close()

    def _signalled(self) -> None:
        for number in self._signals.read():
            if number == signal.SIGHUP:
                logger.info("SIGHUP: the configuration is read anew")
                with suppress(ConfigError):
                    self._settings.reload()
                continue
            logger.info("%s: stopping", number.name)
            self._request_stop(time.monotonic(), quick=number == signal.SIGINT)

    def _hand_over(self, message: Message, sock: socket) -> int | None:
        """Give a client to the encoder that suits best and takes it now; return its slot."""
        loads = [
            Load(child.slot, state_of(child) is State.READY, self._admission.load(child.slot))
            for child in self._crew.encoders
        ]
        for slot in candidates(loads):
            if self._crew.try_send(self._crew.encoders[slot], message, [sock.fileno()]):
                return slot
        return None

    def _peer_said(self, peer: Peer, message: Message | None, fds: list[int]) -> None:
        try:
            self._hear_peer(peer, message, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def _hear_peer(self, peer: Peer, message: Message | None, fds: Sequence[int]) -> None:
        if message is None:
            self._roster.left(peer)
            if self._publishing.left(peer):
                logger.info("the publisher went: stopping")
                self._request_stop(time.monotonic(), quick=True)
        elif message["type"] == "stop":
            self._loop.send(peer.control, {"type": "stopping"})
            self._request_stop(time.monotonic(), quick=bool(message.get("quick", False)))
        elif message["type"] == "settings":
            self._loop.send(peer.control, reloaded_message(lambda: self._amend(peer, message)))
        elif not (self._operator.said(peer, message) or self._publishing.said(peer, message, fds)):
            reason = f"{message['type']} is not known here"
            self._loop.send(peer.control, {"type": "refused", "reason": reason})

    def child_started(self, child: Child) -> None:
        """An encoder gets certificate and users, the arenas, the current frames and the state of the source at
        once, the consumer whom it serves.
        """
        if child.role == ENCODER:
            keyring = self._settings.keyring
            self._crew.send(child, keyring.message, keyring.fds)
            arenas = self._arenas.message(child.slot)
            if arenas is not None:
                self._crew.send(child, *arenas)
            self._surfaces.welcome_encoder(child)
        elif child is self._crew.consumer:
            self._surfaces.welcome_consumer()

    def child_ready(self, child: Child) -> None:
        """It counts from the next turn of the loop."""
        logger.info("%s %d is ready (pid %s)", child.role, child.slot, self._crew.pid(child))

    def child_ended(self, child: Child) -> None:
        """What it held goes with it."""
        if child.role == ENCODER:
            self._clients.encoder_ended(child)
            self._roster.encoder_ended(child)
            self._surfaces.encoder_ended(child.slot)
        elif child is self._crew.writer and self._stop is None:
            self._surfaces.screen.went("the capture process ended")

    def child_said(self, child: Child, message: Message) -> None:
        """Hand a child's message to whom it concerns."""
        if child.role == ENCODER:
            known = self._clients.said(child, message) or self._roster.said(child, message)
        elif child is self._crew.writer:
            known = self._surfaces.screen.said(
                message, lambda answer, fds: self._crew.send(child, answer, fds)
            )
            if message["type"] == "source" and "state" in message:
                child.source_up = message["state"] == "up"
                self._tell_waiting(message)
        else:
            known = self._consumer_said(message)
        if not known:
            logger.warning("%s %d sent an unknown %s message", child.role, child.slot, message["type"])

    def _tell_waiting(self, message: Message) -> None:
        """Say why viewers that connect already are not served yet."""
        if self._announced or self._stop is not None or message["state"] == "up":
            return
        display = display_of(self._settings.config, self._setup.environ)
        waited_for = f"the display {display!r}" if self._kind in ("x11", "mss") else "the source"
        logger.warning(
            "waiting for %s: %s; viewers are served as soon as it is there", waited_for, message["reason"]
        )

    def status(self) -> Message:
        """Return the `status` message."""
        overview = Overview(
            version=self._setup.version,
            instance=self._instance.name,
            state="stopping" if self._stop else "ready" if self._announced else "starting",
            uptime_s=time.monotonic() - self._started,
            kind=self._kind,
            consumer_backend=self._consumer_backend,
            auth_failures=self._clients.auth_failures,
            max_connections=self._settings.config.clients.max_connections,
        )
        return snapshot(
            overview,
            self._crew,
            self._rates,
            surfaces=self._surfaces,
            door=self._door,
            admission=self._admission,
        )

    def _amend(self, peer: Peer, message: Message) -> Reloaded:
        if peer is not self._publishing.owner:
            raise ConfigError("only the program that started a server for itself can change its settings")
        return self._settings.amend(message)

    def _hand_out(self, keyring: Keyring) -> None:
        self._crew.broadcast(keyring.message, keyring.fds)

    def _reconfigure(self) -> None:
        """Let everybody follow the configuration."""
        config = self._settings.config
        log.set_level(config.logging.log_level)
        self._admission.limits = config.clients
        self._clients.when_not_shared = config.clients.when_not_shared
        self._throttle.set_delays(config.security.auth_delay_s, config.security.auth_delay_max_s)
        self._crew.reconfigure(config.timeouts, lambda child: {"type": "reconfigure", **self._told(child)})
        self._surfaces.rename(config.server.desktop_name)
        self._door.name_https(wants_https(config, self._settings.secrets))

    def _consumer_said(self, message: Message) -> bool:
        if message["type"] == "backend":
            self._consumer_backend = str(message["backend"])
        elif message["type"] == "notice":
            self._crew.broadcast(message)
        else:
            return False
        return True

    def _make_crew(self) -> Crew:
        return Crew(
            self._loop,
            roles_of(self._kind),
            self._workers,
            self._settings.config.timeouts,
            self,
            command=self._setup.command,
            environ=self._setup.environ,
            pointer_page_bytes=pointer_page_bytes(),
            configure=self._configure,
        )

    def _configure(self, child: Child) -> Message:
        return {
            "type": "configure",
            "role": child.role,
            "slot": child.slot,
            "slots": self._crew.slots,
            "instance": self._instance.name,
            "runtime_dir": str(self._instance.path),
            "source": self._kind,
            "bus": {name: self._instance.endpoint(name) for name in ("input", "notices", "events")},
            **self._told(child),
        }

    def _told(self, child: Child) -> Message:
        """Return what a child is told of the configuration; passwords are for encoders alone."""
        return self._settings.told(with_secrets=child.role == ENCODER)


class _Closeable(Protocol):
    def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closeable)


def _kept(stack: ExitStack, thing: _C) -> _C:
    """Close it when the stack ends."""
    stack.callback(thing.close)
    return thing


def _print(line: str) -> None:
    """Print a line at once. If nobody is left to read it, Python's next try, at exit, must not fail."""
    try:
        print(line, flush=True)
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
