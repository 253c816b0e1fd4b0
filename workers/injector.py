"""The injector role: from the input bus to the desktop.

Owns: the loop over bus, control socket and clock, and reopening the target for ever. It always drains the
bus, target or not, so that no worker is ever slowed down; while there is no target, events are dropped, and
what was held is released by the next target's first act. Clients take turns, so that one that has to wait
makes nobody else late. How input is delivered is `mpvnc.inject`'s.

Control messages that it takes: worker_gone {slot, clients?}, reconfigure. It ends on EOF, and releases
everything first.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable

from mpvnc.errors import ControlError, InjectError
from mpvnc.inject.base import Backend
from mpvnc.inject.dispatch import Dispatcher
from mpvnc.inject.turns import Turns
from mpvnc.ipc.bus import InputReceiver
from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter
from mpvnc.session.control import Control
from mpvnc.session.input import ClipboardInput, InputEvent, unpack
from mpvnc.workers.runtime import BEAT_INTERVAL_S, Runtime, start

REOPEN_S = 1.0

logger = logging.getLogger(__name__)


class Injector:
    """One target, opened when it is there, reopened when it went away.

    Args:
        runtime: the child's; its counters get INPUT_EVENTS and INPUT_DROPPED.
        open_backend: returns a new backend or raises InjectError; None if there is nothing to inject into.
    """

    def __init__(self, runtime: Runtime, open_backend: Callable[[], Backend] | None) -> None:
        self._runtime = runtime
        self._open_backend = open_backend
        config = runtime.config.input
        self._dispatcher = Dispatcher(None, runtime.status.held, config.max_age_s)
        self._turns = Turns()
        self._try_at = 0.0
        self._control = Control(config.control_policy)
        self._dropped = 0

    def deliver(self, messages: list[bytes]) -> None:
        """Deliver a batch from the bus, and what had to wait; what cannot be delivered is counted.

        An empty batch looks whether the target is still there.
        """
        self._turns.wake(time.monotonic())
        for message in messages:
            try:
                event = unpack(message)
            except ControlError as error:
                logger.error("%s", error)
                continue
            self._runtime.counters.add(Counter.INPUT_EVENTS)
            if isinstance(event, ClipboardInput):
                continue
            too_much = self._turns.offer(event)
            if too_much is not None:
                self._deliver(too_much, late=True)
        while (ready := self._turns.next()) is not None:
            self._deliver(ready)
        self._guard(lambda one: one.backend.flush())
        self._count_dropped()

    @property
    def rest_s(self) -> float:
        """How long there is nothing to do unless something comes: seconds, at most `BEAT_INTERVAL_S`."""
        return min(BEAT_INTERVAL_S, max(0.0, self._turns.wakes_at - time.monotonic()))

    def handle(self, message: Message, fds: list[int]) -> None:
        """Take a message of the supervisor's."""
        for fd in fds:
            os.close(fd)
        if message["type"] == "worker_gone":
            self.worker_gone(message["slot"], message.get("clients", []))
        elif message["type"] == "reconfigure":
            self.reconfigure()

    def worker_gone(self, slot: int, clients: Iterable[int]) -> None:
        """Release what the clients of a dead worker hold: those named and those known to be of its slot."""
        lost = list(dict.fromkeys([*clients, *self._dispatcher.clients_of(slot)]))
        self._control.gone(lost)
        self._try(lambda one: one.release_clients(lost))
        self._guard(lambda one: one.backend.flush())

    def reconfigure(self) -> None:
        """Follow the runtime's configuration."""
        config = self._runtime.config.input
        if self._dispatcher is not None:
            self._dispatcher.max_age_s = config.max_age_s
        if self._control.change(config.control_policy):
            self._guard(lambda one: one.release_all())
            self._guard(lambda one: one.backend.flush())

    def keep_open(self, now: float) -> None:
        """Open the target if it is not and its time has come."""
        if self._dispatcher.is_open or self._open_backend is None or now < self._try_at:
            return
        self._try_at = now + REOPEN_S
        try:
            backend = self._open_backend()
        except InjectError as error:
            logger.debug("input cannot be delivered: %s", error)
            return
        self._try(lambda one: one.reopen(backend))
        self._guard(lambda one: one.backend.flush())
        if self._dispatcher.is_open:
            logger.info("input goes to %s", backend.name)
            self._runtime.send({"type": "backend", "backend": backend.name})

    def close(self) -> None:
        """Release everything and give the target back."""
        self._guard(lambda one: one.release_all())
        self._guard(lambda one: one.backend.flush())
        if self._dispatcher.is_open:
            self._dispatcher.backend.close()

    def _deliver(self, event: InputEvent, late: bool = False) -> None:
        if not self._control.admits(event):
            self._runtime.counters.add(Counter.INPUT_DROPPED)
            if self._control.is_first_refusal(event.client):
                logger.info("client %d does not control: its input is ignored", event.client)
            return
        wait_s = 0.0

        def deliver(dispatcher: Dispatcher) -> None:
            nonlocal wait_s
            wait_s = dispatcher.deliver(event, time.time(), late)

        if not self._try(deliver):
            self._runtime.counters.add(Counter.INPUT_DROPPED)
        elif wait_s:
            self._turns.put_off(event, time.monotonic() + wait_s)

    def _guard(self, action: Callable[[Dispatcher], None]) -> None:
        """Do something with the target, if it is there."""
        if self._dispatcher.is_open:
            self._try(action)

    def _try(self, action: Callable[[Dispatcher], None]) -> bool:
        """Do something that is noted even if there is no target; False if the target goes away by it."""
        try:
            action(self._dispatcher)
        except InjectError as error:
            logger.warning("input cannot be delivered, trying again: %s", error)
            self._dispatcher.backend.close()
            self._dispatcher.lose()
            return False
        return True

    def _count_dropped(self) -> None:
        self._runtime.counters.add(Counter.INPUT_DROPPED, self._dispatcher.dropped - self._dropped)
        self._dropped = self._dispatcher.dropped


def backend_opener(runtime: Runtime) -> Callable[[], Backend] | None:
    """Return what opens the backend that the configuration asks for; None if input goes nowhere.

    `auto` is XTEST for a desktop, and nothing for a source that has no input of its own.
    """
    config = runtime.config
    kind = config.input.backend
    if kind == "auto":
        kind = "xtest" if runtime.source in ("x11", "mss") else "none"
    if kind == "xtest":
        from mpvnc.inject.xtest import XTestBackend

        return lambda: XTestBackend(config.source.display, runtime.status.held)
    if kind == "pyautogui":
        from mpvnc.inject.gui import GuiBackend

        return lambda: GuiBackend(config.source.display)
    if kind == "recorder":
        from mpvnc.inject.recorder import RecorderBackend

        return lambda: RecorderBackend(config.input.record_file)
    return None


def run(runtime: Runtime, receiver: InputReceiver, injector: Injector) -> None:
    """Turn the loop until the supervisor is gone or says so."""
    with selectors.DefaultSelector() as selector:
        selector.register(receiver, selectors.EVENT_READ)
        selector.register(runtime.control, selectors.EVENT_READ)
        messages: list[bytes] = []
        while True:
            selector.select(0 if messages else injector.rest_s)
            injector.keep_open(time.monotonic())
            messages = receiver.receive_all()
            injector.deliver(messages)
            if not runtime.hear(injector.handle):
                return
            runtime.beat()


def main() -> None:
    """Run the role; started by the supervisor."""
    runtime = start("injector", death_signal=signal.SIGTERM)
    injector = Injector(runtime, backend_opener(runtime))
    with InputReceiver(runtime.input_endpoint) as receiver:
        try:
            injector.keep_open(time.monotonic())
            runtime.ready()
            run(runtime, receiver, injector)
        except ControlError as error:
            logger.info("the supervisor is gone: %s", error)
        finally:
            injector.close()
    runtime.close()


if __name__ == "__main__":
    main()
