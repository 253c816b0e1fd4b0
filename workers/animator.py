"""The animator role: from the input bus to the program that draws, which may read slowly or not at all.

Owns: the loop over bus, event feed, control socket and clock. It always drains the bus, so no viewer is ever
stopped by an animator; what the animator does not read is bounded by `AnimatorQueue`. What it lost is
INPUT_DROPPED in the status page and travels with every batch.

Control messages that it takes: worker_gone {slot, clients?}, reconfigure, drain. It ends on EOF.
"""

from __future__ import annotations

import logging
import os
import selectors
import time
from collections.abc import Iterable

from mpvnc.errors import ControlError
from mpvnc.ipc.bus import InputReceiver
from mpvnc.ipc.control import Message
from mpvnc.ipc.feed import EventFeed
from mpvnc.metrics import Counter, SlotCounters
from mpvnc.session.animator_events import Translator, pack_events
from mpvnc.session.animator_queue import AnimatorQueue
from mpvnc.session.control import Control
from mpvnc.session.input import unpack
from mpvnc.workers.runtime import BEAT_INTERVAL_S, Runtime, start

logger = logging.getLogger(__name__)


class Animator:
    """What viewers did and the animator has not read."""

    def __init__(self, counters: SlotCounters, control_policy: str) -> None:
        self._counters = counters
        self._control = Control(control_policy)
        self._translator = Translator()
        self._queue = AnimatorQueue()

    def take(self, messages: list[bytes]) -> None:
        """Queue a batch from the bus."""
        for message in messages:
            try:
                event = unpack(message)
            except ControlError as error:
                logger.error("%s", error)
                continue
            self._counters.add(Counter.INPUT_EVENTS)
            if self._control.admits(event):
                self._queue.offer(self._translator.translate(event))
            elif self._control.is_first_refusal(event.client):
                logger.info("client %d does not control: its input is ignored", event.client)
        self._counters.set(Counter.INPUT_DROPPED, self._queue.dropped)

    def handle(self, message: Message, fds: list[int]) -> None:
        """Take a message of the supervisor's."""
        for fd in fds:
            os.close(fd)
        if message["type"] == "worker_gone":
            self.worker_gone(message["slot"], message.get("clients", []))
        elif message["type"] == "reconfigure":
            self.follow(message["config"]["input"]["control_policy"])

    def worker_gone(self, slot: int, clients: Iterable[int]) -> None:
        """Queue releases and disconnects for a dead worker's clients, those named and those of its slot."""
        lost = list(dict.fromkeys([*clients, *self._translator.clients_of(slot)]))
        self._control.gone(lost)
        for client in lost:
            self._queue.offer(self._translator.gone(client, time.time()))

    def follow(self, control_policy: str) -> None:
        """Let another policy say whose input counts."""
        if self._control.change(control_policy):
            self._queue.offer(self._translator.release_all(time.time()))

    def feed(self, feed: EventFeed) -> None:
        """Send what the animator is ready for."""
        feed.receive_asks()
        while len(self._queue) and feed.wants_batch:
            events = self._queue.peek()
            if feed.send(pack_events(events, self._queue.dropped)):
                self._queue.forget(len(events))
            feed.receive_asks()


def run(runtime: Runtime, receiver: InputReceiver, feed: EventFeed, animator: Animator) -> None:
    """Turn the loop until the supervisor is gone or says so."""
    with selectors.DefaultSelector() as selector:
        for readable in (receiver, feed, runtime.control):
            selector.register(readable, selectors.EVENT_READ)
        messages: list[bytes] = []
        while True:
            selector.select(0 if messages else BEAT_INTERVAL_S)
            messages = receiver.receive_all()
            animator.take(messages)
            if not runtime.hear(animator.handle):
                return
            animator.feed(feed)
            runtime.beat()


def main() -> None:
    """Run the role; started by the supervisor."""
    runtime = start("animator")
    animator = Animator(runtime.counters, runtime.config.input.control_policy)
    with (
        InputReceiver(runtime.input_endpoint) as receiver,
        EventFeed(runtime.events_endpoint) as feed,
    ):
        try:
            runtime.ready()
            run(runtime, receiver, feed, animator)
        except ControlError as error:
            logger.info("the supervisor is gone: %s", error)
    runtime.close()


if __name__ == "__main__":
    main()
