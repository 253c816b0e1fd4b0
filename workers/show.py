"""The way of frames through an encoder: from the bell to the clients.

It owns the worker's private frame, the pointer page, the broadcast and its timer. One slice of encoding at a
time, then the sockets have their turn. Who is a client, and what the supervisor wants, is the encoder's business.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter as Tally

from mpvnc.encodings import encode
from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.errors import FrameError
from mpvnc.frames.audience import Audience
from mpvnc.frames.pointer import PointerPage
from mpvnc.frames.reader import FrameReader
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels
from mpvnc.session.broadcast import Broadcast, Delivery
from mpvnc.session.groups import Groups
from mpvnc.session.session import Session
from mpvnc.session.sharing import Sharing, Store
from mpvnc.session.update import BrokenUpdate
from mpvnc.workers.client import Client

logger = logging.getLogger(__name__)


class Show:
    """One screen in front of a worker's clients. Loop thread only.

    Args:
        title: the desktop's name; changes by `rename`.
        audience: where those who look are counted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, title: str, audience: Audience) -> None:
        self.broadcast = Broadcast(self._encode)
        self.title = title
        self.encode_s = 0.0
        """CPU time spent on encoding."""
        self.reader: FrameReader | None = None
        self.frames = 0
        """How many frames were taken over."""
        self.updates = self.update_bytes = 0
        """How many updates were handed out, and their size."""
        self._loop = loop
        self._is_lost = False
        """Whether the segment cannot be read any more."""
        self._pointer: PointerPage | None = None
        self._pointer_version = -1
        self._audience = audience
        self._clients: dict[Session, Client] = {}
        self._groups: Groups[Client] = Groups(self.broadcast)
        self._is_pumping = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._judged_frames = 0
        self._sharing: Sharing | None = None
        self._await_timer: asyncio.TimerHandle | None = None

    def share(self, store: Store) -> None:
        """Share what is encoded with other workers; `arrived` is to be called when they have put something."""
        self._sharing = self.broadcast.fanout.sharing = Sharing(store)
        if self.reader is not None:
            self._sharing.begin(self.reader.identity, self.reader.generation)

    def stop_sharing(self) -> None:
        """Share nothing any more; what is being made is made here."""
        if self._sharing is not None:
            self._sharing.end()
            self._sharing = self.broadcast.fanout.sharing = None

    def arrived(self) -> None:
        """Go on with what waited for other workers."""
        self.broadcast.fanout.arrived()
        self._pump_soon()

    def close(self) -> None:
        """Show nothing any more, and let go of the memory. Nobody may look at it then."""
        for timer in (self._timer, self._await_timer):
            if timer is not None:
                timer.cancel()
        self.stop_sharing()
        if self._pointer is not None:
            self._pointer.close()
        if self.reader is not None:
            self.reader.close()
        self._timer = self._await_timer = self._pointer = self.reader = None

    # -- clients

    @property
    def clients(self) -> list[Client]:
        """Who looks at it, or waits for the first frame."""
        return list(self._clients.values())

    def admit(self, client: Client) -> None:
        """Count a client in; it sees what there is."""
        self._clients[client.session] = client
        client.show = self
        if self.reader is not None:
            client.session.show(self.reader, self.title)

    def joined(self, client: Client) -> None:
        """Count a client among those who look."""
        self._audience.join(client.session)

    def dismiss(self, client: Client) -> None:
        """Forget a client."""
        self.broadcast.leave(client.session)
        self._audience.leave(client.session)
        del self._clients[client.session]
        self._groups.left(client.session)
        self._pump_soon()

    def review(self, session: Session) -> None:
        """Look whether what a session waits for is still what it wants."""
        self.broadcast.review(session)
        if not session.is_served:
            self._groups.left(session)

    def offer(self, session: Session, now: float, unacknowledged_bytes: int) -> Delivery | None:
        """Offer a session the screen; what is missing is encoded, slice by slice."""
        delivery = self.broadcast.offer(session, now, unacknowledged_bytes)
        if delivery is not None:
            self._count([session], delivery)
        self._pump_soon()
        if self.broadcast.look_at < self._timer_at:
            self._arm()
        return delivery

    def judge(self) -> None:
        """Let every session look back at the frames that were shown, if there were any."""
        joined = [client for client in self._clients.values() if client.has_joined]
        if self._sharing is not None:
            sessions = [client.session for client in joined]
            self._sharing.keep({wire for session in sessions for wire in (session.wire, session.exact)})
        shown = self.broadcast.shown
        if shown == self._judged_frames:
            return
        self._judged_frames = shown
        self.broadcast.rank(Tally(client.session.wire for client in joined))
        for client in joined:
            client.judge(self._loop.time(), shown)

    # -- the screen

    def rename(self, title: str) -> None:
        """Give the desktop another name."""
        self.title = title
        for client in self.clients:
            client.session.rename(title)
            client.notice()

    def count(self, audience: Audience) -> None:
        """Count those who look elsewhere from now on."""
        self._audience = audience
        for client in self.clients:
            if client.has_joined:
                audience.join(client.session)

    def point(self, fd: int) -> None:
        """Follow the pointer of this page."""
        old, self._pointer = self._pointer, PointerPage(fd, writable=False)
        self._pointer_version = -1
        if old is not None:
            old.close()

    def open(self, fd: int) -> None:
        """Show another segment, from its newest frame on. Raises: FrameError if it cannot be shown."""
        reader = _open_reader(fd)
        old, self.reader = self.reader, reader
        self._is_lost = False
        if self._sharing is not None:
            self._sharing.begin(reader.identity, reader.generation)
        self.broadcast.show(reader)
        self._groups.clear()
        self.broadcast.look(self._loop.time())
        self._arm()
        for client in self.clients:
            client.session.show(reader, self.title)
            client.handle_late()
            client.notice()
        if old is not None:
            old.close()

    def look(self) -> None:
        """Take over what is new, if those who wait for the last frame have been served."""
        news = self._take_pointer()
        if self._take_frame() or news:
            self._groups.offer(self.clients)

    def _take_pointer(self) -> bool:
        if self._pointer is None or self._pointer.version == self._pointer_version:
            return False
        self._pointer_version = self._pointer.version
        self.broadcast.point(self._pointer.read())
        return True

    def _take_frame(self) -> bool:
        reader = self.reader
        if reader is None or reader.newest == reader.frame:
            return False
        if self._is_lost or not self.broadcast.may_advance(self._loop.time()):
            return False
        try:
            has_advanced = reader.refresh()
            while not reader.whole:  # overtaken half way; what came over stays, so this ends
                has_advanced = reader.refresh()
        except FrameError as error:
            logger.error("the last frame stays until there is another segment: %s", error)
            self._is_lost = True
            return False
        if not has_advanced:
            return False
        self.broadcast.advance()
        self.broadcast.look(self._loop.time())
        self._arm()
        self.frames += 1
        return True

    # -- encoding

    def _pump_soon(self) -> None:
        has_work = self.broadcast.is_busy and not self.broadcast.awaits(self._loop.time())
        if has_work and not self._is_pumping:
            self._is_pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Encode one slice, hand out what it completes, and come back after the sockets had their turn."""
        self._is_pumping = False
        if self.broadcast.is_busy:
            self._step()
        self._arm_await()
        self.look()
        self._pump_soon()

    def _step(self) -> None:
        now, began_s = self._loop.time(), time.thread_time()
        try:
            deliveries = self.broadcast.step(now)
        except BrokenUpdate as broken:
            logger.exception("a fault of ours: it costs those who wait for it")
            for client in [self._clients[session] for session in broken.update.waiting]:
                client.close("internal error: its update cannot be encoded")
            return
        except Exception:
            # What is made for whom, and what their pictures hold, is not known any more: they come again.
            logger.exception("a fault of ours: it costs all who look")
            for client in self.clients:
                client.close("internal error: no update can be made")
            return
        self.broadcast.spent(time.thread_time() - began_s)
        for delivery, followers in self._groups.hand_out(deliveries, self._send, now):
            self._count([client.session for client in followers], delivery)

    def _send(self, delivery: Delivery) -> None:
        self._clients[delivery.session].deliver(delivery)
        self._count([delivery.session], delivery)

    def _count(self, sessions: list[Session], delivery: Delivery) -> None:
        """Note that these were sent an update, and hold the same frame now."""
        self.updates += len(sessions)
        self.update_bytes += len(sessions) * delivery.size_bytes
        self._audience.sent(sessions, delivery.session.picture.base)

    def _encode(self, pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
        began_s = time.thread_time()
        encoded = encode(pixels, rect, wire)
        self.encode_s += time.thread_time() - began_s
        return encoded

    def _arm_await(self) -> None:
        """Have a timer end the waiting for other workers, as long as there is nothing else to do."""
        if self._await_timer is not None:
            self._await_timer.cancel()
            self._await_timer = None
        if self.broadcast.awaits(self._loop.time()):
            until = self.broadcast.fanout.awaits_until
            self._await_timer = self._loop.call_at(until, self.arrived)

    # -- what is due by time alone

    def _on_time(self) -> None:
        self._timer, self._timer_at = None, math.inf
        if self.broadcast.look(self._loop.time()):
            self._groups.offer(self.clients)
        self._arm()

    def _arm(self) -> None:
        """Have the one timer of all clients fire when the broadcast is to be looked at."""
        when = self.broadcast.look_at
        if when >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(when, self._on_time), when


def _open_reader(fd: int) -> FrameReader:
    """Return a reader that holds the newest frame. Raises: FrameError if the segment cannot be shown."""
    reader = FrameReader(fd)
    try:
        reader.refresh()
    except BaseException:
        reader.close()
        raise
    return reader
