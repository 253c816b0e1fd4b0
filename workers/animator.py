"""The animator role: from the input bus to the programs that draw, which may read slowly or not at all.

Owns: the loop over bus, event feeds, control socket and clock. It always drains the bus, so no viewer is ever
stopped by an animator; what an animator does not read is bounded by its own `AnimatorQueue`. What it lost
travels with every batch; the sum over the surfaces is INPUT_DROPPED in the status page.

Control messages that it takes: surface {surface}, surface_gone {surface}, worker_gone {slot, clients?}, reconfigure,
drain. It ends on EOF.
"""

from __future__ import annotations

import logging
import os
import selectors
import time
from collections.abc import Callable, Iterable

from mpvnc.errors import ControlError
from mpvnc.ipc.bus import InputReceiver
from mpvnc.ipc.control import Message
from mpvnc.ipc.feed import EventFeed
from mpvnc.ipc.places import feed_endpoint
from mpvnc.metrics import Counter, SlotCounters
from mpvnc.session.animator_events import Translator, pack_events
from mpvnc.session.animator_queue import AnimatorQueue
from mpvnc.session.control import Control
from mpvnc.session.input import InputEvent, surface_of, unpack
from mpvnc.workers.runtime import BEAT_INTERVAL_S, Runtime, start

logger = logging.getLogger(__name__)


class Animator:
    """What the viewers of one surface did and its program has not read."""

    def __init__(self, control_policy: str) -> None:
        self.feed: EventFeed | None = None
        self._control = Control(control_policy)
        self._translator = Translator()
        self._queue = AnimatorQueue()

    @property
    def dropped(self) -> int:
        """How many events were lost so far."""
        return self._queue.dropped

    def take(self, event: InputEvent) -> None:
        """Queue what a viewer did."""
        if self._control.admits(event):
            self._queue.offer(self._translator.translate(event))
        elif self._control.is_first_refusal(event.client):
            logger.info("client %d does not control: its input is ignored", event.client)

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

    def send(self) -> None:
        """Send what the program is ready for."""
        feed = self.feed
        if feed is None:
            return
        feed.receive_asks()
        while len(self._queue) and feed.wants_batch:
            events = self._queue.peek()
            if feed.send(pack_events(events, self._queue.dropped)):
                self._queue.forget(len(events))
            feed.receive_asks()


class Animators:
    """The animators of all surfaces, by the surfaces' numbers.

    Args:
        open_feed: makes a surface's feed, and watches it; `close_feed` is its opposite.
    """

    def __init__(
        self,
        counters: SlotCounters,
        control_policy: str,
        open_feed: Callable[[int], EventFeed],
        close_feed: Callable[[EventFeed], None],
    ) -> None:
        self._counters = counters
        self._control_policy = control_policy
        self._open_feed, self._close_feed = open_feed, close_feed
        self._by_number: dict[int, Animator] = {}

    def take(self, messages: list[bytes]) -> None:
        """Queue a batch from the bus, each event with the animator that it is for."""
        for message in messages:
            try:
                animator, event = self._animator(surface_of(message)), unpack(message)
            except ControlError as error:
                logger.error("%s", error)
                continue
            self._counters.add(Counter.INPUT_EVENTS)
            animator.take(event)
        dropped = sum(animator.dropped for animator in self._by_number.values())
        self._counters.set(Counter.INPUT_DROPPED, dropped)

    def handle(self, message: Message, fds: list[int]) -> None:
        """Take a message of the supervisor's."""
        for fd in fds:
            os.close(fd)
        if message["type"] == "surface":
            self._open(message["surface"])
        elif message["type"] == "surface_gone":
            self._close(message["surface"])
        elif message["type"] == "worker_gone":
            for animator in self._by_number.values():
                animator.worker_gone(message["slot"], message.get("clients", []))
        elif message["type"] == "reconfigure":
            self._control_policy = message["config"]["input"]["control_policy"]
            for animator in self._by_number.values():
                animator.follow(self._control_policy)

    def send(self) -> None:
        """Send what the programs are ready for."""
        for animator in self._by_number.values():
            animator.send()

    def close(self) -> None:
        """Close the feeds."""
        for number in list(self._by_number):
            self._close(number)

    def _animator(self, number: int) -> Animator:
        """Return a surface's animator; one without a feed if the bus was faster than the supervisor."""
        animator = self._by_number.get(number)
        if animator is None:
            animator = self._by_number[number] = Animator(self._control_policy)
        return animator

    def _open(self, number: int) -> None:
        animator = self._animator(number)
        if animator.feed is None:
            animator.feed = self._open_feed(number)

    def _close(self, number: int) -> None:
        animator = self._by_number.pop(number, None)
        if animator is not None and animator.feed is not None:
            self._close_feed(animator.feed)


def run(runtime: Runtime, receiver: InputReceiver) -> None:
    """Turn the loop until the supervisor is gone or says so."""
    with selectors.DefaultSelector() as selector:

        def open_feed(number: int) -> EventFeed:
            feed = EventFeed(feed_endpoint(runtime.events_endpoint, number))
            selector.register(feed, selectors.EVENT_READ)
            return feed

        def close_feed(feed: EventFeed) -> None:
            selector.unregister(feed)
            feed.close()

        animators = Animators(runtime.counters, runtime.config.input.control_policy, open_feed, close_feed)
        for readable in (receiver, runtime.control):
            selector.register(readable, selectors.EVENT_READ)
        try:
            turn(runtime, receiver, animators, selector)
        finally:
            animators.close()


def turn(
    runtime: Runtime, receiver: InputReceiver, animators: Animators, selector: selectors.BaseSelector
) -> None:
    """Take what comes and send what is wanted, again and again."""
    while runtime.hear(animators.handle):
        messages = receiver.receive_all()
        animators.take(messages)
        animators.send()
        runtime.beat()
        selector.select(0 if messages else BEAT_INTERVAL_S)


def main() -> None:
    """Run the role; started by the supervisor."""
    runtime = start("animator")
    with InputReceiver(runtime.input_endpoint) as receiver:
        try:
            runtime.ready()
            run(runtime, receiver)
        except ControlError as error:
            logger.info("the supervisor is gone: %s", error)
    runtime.close()


if __name__ == "__main__":
    main()
