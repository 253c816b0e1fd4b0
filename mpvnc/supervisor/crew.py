"""The children of a running supervisor: keeps them as policy.py says, and carries messages to and from them.

Owns the table of children and their processes, the status page, the pointer page and the bells, all of which
outlive every child. What a child says is handed to `Listener` methods; the crew itself only knows `ready`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mpvnc.config import Timeouts
from mpvnc.errors import ControlError
from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter, StatusPage, create_status_page, slot_count
from mpvnc.supervisor import policy
from mpvnc.supervisor.children import Process, start_process
from mpvnc.supervisor.loop import Loop
from mpvnc.supervisor.policy import ENCODER, Act, Child, Heartbeats, State, Stop, state_of
from mpvnc.supervisor.source import Roles

logger = logging.getLogger(__name__)

TICK_S = 1.0


class Listener(Protocol):
    """Who hears what children do."""

    def child_started(self, child: Child) -> None:
        """A process runs and has been configured."""

    def child_ready(self, child: Child) -> None:
        """It can work."""

    def child_ended(self, child: Child) -> None:
        """Its process is gone, after its last message."""

    def child_said(self, child: Child, message: Message) -> None:
        """It sent a message other than `ready`."""


class Crew:
    """All children of a supervisor: encoders in slots 0 to workers-1, then writer and consumer."""

    def __init__(
        self,
        loop: Loop,
        roles: Roles,
        workers: int,
        timeouts: Timeouts,
        listener: Listener,
        *,
        command: Callable[[str], Sequence[str]],
        environ: Mapping[str, str],
        pointer_page_bytes: int,
        configure: Callable[[Child], Message],
    ) -> None:
        self._loop = loop
        self._timeouts = timeouts
        self._listener = listener
        self._command = command
        self._environ = environ
        self._configure = configure
        self._heartbeats = Heartbeats(TICK_S)
        self._processes: dict[Child, Process] = {}
        self._is_stopping = False
        self.encoders = [Child(ENCODER, slot) for slot in range(workers)]
        self.writer = Child(roles.writer, workers) if roles.writer else None
        self.consumer = Child(roles.consumer, workers + 1)
        self.children = [*self.encoders, *filter(None, [self.writer]), self.consumer]
        self.slots = slot_count(workers)
        self.status_fd = create_status_page(self.slots)
        self.status = StatusPage(self.status_fd, self.slots)
        self.pointer_fd = os.memfd_create("mpvnc-pointer", os.MFD_CLOEXEC)
        os.ftruncate(self.pointer_fd, pointer_page_bytes)
        self.bells = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(workers)]

    @property
    def is_gone(self) -> bool:
        """Whether no process is left."""
        return not self._processes

    @property
    def page_fds(self) -> list[int]:
        """Status page, pointer page and all bells, in the order of `configure`."""
        return [self.status_fd, self.pointer_fd, *self.bells]

    def pid(self, child: Child) -> int | None:
        """Return the process id of a child that runs."""
        process = self._processes.get(child)
        return process.pid if process else None

    def send(self, child: Child, message: Message, fds: Sequence[int] = ()) -> None:
        """Send to a child; one that is gone or does not read is hung up."""
        process = self._processes.get(child)
        if (
            process is not None
            and child.hung_up is None
            and not self._loop.send(process.control, message, fds)
        ):
            self._hang_up(child, process)

    def try_send(self, child: Child, message: Message, fds: Sequence[int]) -> bool:
        """Send to a child if it takes the message now."""
        process = self._processes.get(child)
        if process is None or child.hung_up is not None:
            return False
        try:
            return process.control.try_send(message, fds)
        except ControlError:
            return False

    def broadcast(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send to every encoder that runs."""
        for child in self.encoders:
            self.send(child, message, fds)

    def reconfigure(self, timeouts: Timeouts, message: Callable[[Child], Message]) -> None:
        """Take other timeouts, and send every child that runs what `message` returns for it.

        They may have as many descriptors from now on as this process may.
        """
        self._timeouts = timeouts
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        for child, process in list(self._processes.items()):
            with contextlib.suppress(OSError):
                resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
            self.send(child, message(child))

    def act(self, now: float, stop: Stop | None) -> None:
        """Do what is due."""
        self._is_stopping = stop is not None
        for action in policy.plan(self.children, now, self._timeouts, stop):
            self._do(action, now)

    def tick(self, now: float) -> None:
        """Look at the heartbeats; about every `TICK_S`."""
        self.status.slot(self.slots - 1).heartbeat()
        beats = {
            child: self.status.slot(child.slot).get(Counter.HEARTBEAT)
            for child in self.children
            if child.ready_since is not None
        }
        self._heartbeats.tick(now, beats)

    def close(self) -> None:
        """Kill what still runs, and give the pages and bells back."""
        for process in self._processes.values():
            process.signal(signal.SIGKILL)
            process.reap()
            process.control.close()
        self.status.close()
        for fd in self.page_fds:
            os.close(fd)

    def _do(self, action: policy.Action, now: float) -> None:
        act, child, reason = action
        if act is Act.START:
            self._start(child, now)
            return
        process = self._processes[child]
        if reason:
            logger.error("%s %d (pid %d): %s", child.role, child.slot, process.pid, reason)
        if act is Act.DRAIN:
            child.drained = now
            self.send(child, {"type": "drain"})
        elif act is Act.HANG_UP:
            self._hang_up(child, process)
        elif act is Act.ABORT:
            child.aborted = now
            process.signal(signal.SIGABRT)
        else:
            child.killed = True
            process.signal(signal.SIGKILL)

    def _start(self, child: Child, now: float) -> None:
        child.was_started(now)
        try:
            process = start_process(self._command(child.role), self._environ)
        except OSError as error:
            logger.error("%s %d cannot be started: %s", child.role, child.slot, error)
            child.has_exited(now, self._timeouts, asked=False)
            return
        self._processes[child] = process
        self._loop.watch(process.pidfd, lambda: self._ended(child, process))
        self._loop.watch_control(
            process.control, lambda: self._readable(child, process), lambda: self._flush(child, process)
        )
        bells = [self.bells[child.slot]] if child.role == ENCODER else self.bells
        self.send(child, self._configure(child), [self.status_fd, self.pointer_fd, *bells])
        self._listener.child_started(child)

    def _readable(self, child: Child, process: Process) -> None:
        self._receive(child, process)

    def _receive(self, child: Child, process: Process) -> bool:
        """Handle one message; False if there was none, or EOF."""
        try:
            received = process.control.receive()
        except BlockingIOError:
            return False
        except ControlError as error:
            logger.error("%s %d (pid %d): %s", child.role, child.slot, process.pid, error)
            received = None
        if received is None:
            self._hang_up(child, process)
            return False
        message, fds = received
        for fd in fds:
            os.close(fd)
        try:
            self._heard(child, message)
        except (ControlError, KeyError, TypeError, ValueError) as error:
            logger.error("%s %d: a wrong %s message: %r", child.role, child.slot, message["type"], error)
            self._hang_up(child, process)
            return False
        return True

    def _heard(self, child: Child, message: Message) -> None:
        if message["type"] == "ready":
            child.was_ready(time.monotonic())
            self._listener.child_ready(child)
        else:
            self._listener.child_said(child, message)

    def _flush(self, child: Child, process: Process) -> None:
        try:
            process.control.flush()
        except ControlError:
            self._hang_up(child, process)
            return
        self._loop.refresh(process.control)

    def _hang_up(self, child: Child, process: Process) -> None:
        """Close the control socket: the child reads EOF. What it says afterwards is lost."""
        if child.hung_up is None:
            child.hung_up = time.monotonic()
        self._loop.unwatch(process.control)
        process.control.close()

    def _ended(self, child: Child, process: Process) -> None:
        """Reap it, after the last of what it said."""
        while process.control.fileno() >= 0 and self._receive(child, process):
            pass
        self._loop.unwatch(process.control)
        process.control.close()
        self._loop.unwatch(process.pidfd)
        how, now = process.reap(), time.monotonic()
        del self._processes[child]
        asked = child.drained is not None or (child.hung_up is not None and self._is_stopping)
        was_failed = child.has_failed
        child.has_exited(now, self._timeouts, asked=asked)
        self._report(child, process.pid, how, asked=asked, was_failed=was_failed)
        if child.role == ENCODER:
            self.status.slot(child.slot).set(Counter.CLIENTS, 0)
        self._listener.child_ended(child)

    def _report(self, child: Child, pid: int, how: str, *, asked: bool, was_failed: bool) -> None:
        name = f"{child.role} {child.slot}"
        if asked:
            logger.info("%s (pid %d) ended: %s", name, pid, how)
        elif state_of(child) is State.FAILED and not was_failed:
            window = self._timeouts.crash_window_s
            logger.critical(
                "%s failed: %d crashes in %g s, the last: %s", name, len(child.crashes), window, how
            )
        else:
            logger.error("%s (pid %d) crashed: %s", name, pid, how)
