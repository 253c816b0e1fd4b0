"""The surfaces of an encoder, a `Show` for each, and who looks at which.

Owns the table of shows, the worker's bell, and what the supervisor says of surfaces (`handlers`). A supervisor with
a capture process has one screen, the show without a name. One whose programs publish has a show for each name, and
that without a name is the waiting room of viewers that asked for none: they go on to the surface that is first as
soon as there is one. A surface that nobody here has looked at is kept as a descriptor and not opened.
"""

from __future__ import annotations

import asyncio
import logging
import os
from array import array
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import Any

from mpvnc.errors import ControlError, MpvncError
from mpvnc.frames.audience import Audience
from mpvnc.ipc.parcels import read_parcel
from mpvnc.metrics import OTHERS, SLOT_WORDS, Counter, SlotCounters, StatusPage
from mpvnc.rfb import writers
from mpvnc.session.announcing import NOTHING, Offer
from mpvnc.session.clipboard import PACKED_MAX_BYTES, Clipboard
from mpvnc.workers.arenas import Arenas
from mpvnc.workers.client import Client
from mpvnc.workers.report import class_name
from mpvnc.workers.runtime import Runtime
from mpvnc.workers.show import Show

logger = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], list[int]], None]
"""Takes a message of the supervisor's and its descriptors, which are its own."""

_COUNTED = {
    Counter.ENCODES: "encodes",
    Counter.CACHE_HITS: "hits",
    Counter.CACHE_MISSES: "misses",
    Counter.BYTES_ENCODED: "encoded_bytes",
    Counter.PIXELS_ENCODED: "encoded_pixels",
    Counter.FRAMES_SKIPPED: "skipped_frames",
    Counter.RECTANGLES_TAKEN: "taken",
    Counter.WAITS_IN_VAIN: "vain_waits",
}
"""What a fan-out counts, by its own names."""


class Surface:
    """A surface as this worker knows it: its show, and what belongs to it besides.

    Attributes:
        name: "" for the screen of a capture process, which is also the waiting room of those who ask for none.
        number: of the supervisor's; 0 for the screen, and for what is not there yet.
        is_muted: its program takes no input.
        is_up: its source works, as far as is known.
    """

    def __init__(self, name: str, show: Show) -> None:
        self.name = name
        self.show = show
        self.number = 0
        self.is_muted = False
        self.is_up = True
        self._kept: int | None = None
        self._page: StatusPage | None = None
        self._slot: SlotCounters | None = None
        self._offer = NOTHING

    def wake(self) -> None:
        """Open what was kept for the first who looks. Raises: FrameError if it cannot be shown."""
        if self._kept is not None:
            self.show.open(self._kept)
            self._keep(None)

    def take(self, segment: int) -> None:
        """Show another segment, now or when somebody looks; the descriptor stays the caller's.

        Raises: FrameError if it cannot be shown.
        """
        if self.number and self.show.reader is None and not self.show.clients:
            self._keep(os.dup(segment))
        else:
            self._keep(None)
            self.show.open(segment)

    def belong(self, number: int, pointer: int, page: int, runtime: Runtime) -> None:
        """Be the surface of this number from now on, with these pages."""
        if number == self.number:
            return
        self.number = number
        self.show.point(pointer)
        self._unmap()
        self._page = StatusPage(page, runtime.status.slots)
        self._slot = self._page.slot(runtime.slot)
        self.show.count(Audience(self._slot))
        self.count()
        for client in self.show.clients:
            client.route(number)

    def greet(self, client: Client) -> None:
        """Tell a client of the clipboard."""
        client.session.clipboards.announce(self._offer)

    def announce(self, fds: list[int]) -> None:
        """Tell everybody of the clipboard that comes in a memfd, and those who come later.

        Raises: ControlError if it is none.
        """
        if len(fds) != 1:
            raise ControlError(f"{len(fds)} descriptors came with it")
        self._offer = Offer(Clipboard.unpack(read_parcel(fds.pop(), PACKED_MAX_BYTES)))
        for client in self.show.clients:
            self.greet(client)
            client.notice()

    def count(self) -> None:
        """Tell its program how many clients it has here."""
        if self._slot is not None:
            self._slot.set(Counter.CLIENTS, len(self.show.clients))

    def close(self) -> None:
        """Let go of everything; nobody looks at it."""
        self._keep(None)
        self._unmap()
        self.show.close()

    def _keep(self, segment: int | None) -> None:
        if self._kept is not None:
            os.close(self._kept)
        self._kept = segment

    def _unmap(self) -> None:
        if self._page is not None:
            self._page.close()
        self._page = self._slot = None


class Shows:
    """All of them. Loop thread only.

    Attributes:
        handlers: by the type of the message.
        mutes_all: nobody's input counts, whatever a program takes; see `mute`.
    """

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self.handlers: dict[str, Handler] = {
            "segment": self._on_segment,
            "source": self._on_source,
            "notice": self._on_notice,
            "surfaces": self._on_surfaces,
            "arenas": self._on_arenas,
        }
        self.mutes_all = False
        self._runtime = runtime
        self._loop = loop
        self._arenas: Arenas | None = None
        self._by_name: dict[str, Surface] = {}
        self._names: list[str] = []
        self._first = ""
        self._by_name[""] = self._make("")
        self[""].point(runtime.pointer_fd)
        self._classes = runtime.status.classes(runtime.slot)
        counted = (*_COUNTED, Counter.FRAMES, Counter.ENCODE_US, Counter.UPDATES_SENT, Counter.BYTES_SENT)
        self._past = {counter: runtime.counters.get(counter) for counter in counted}
        """What was counted by shows that are closed, and by a killed predecessor."""
        self._past_pixels = Tally(self._classes.as_dict())

    def __getitem__(self, name: str) -> Show:
        return self._by_name[name].show

    def __iter__(self) -> Iterator[Show]:
        return iter([surface.show for surface in self._by_name.values()])

    def begin(self) -> None:
        """Listen to the bell."""
        self._loop.add_reader(self._runtime.bell, self._on_bell)

    def find(self, name: str) -> Surface:
        """Return the surface of that name for `admit`, "" for the first one; it may be unknown as yet.

        Raises: FrameError if it cannot be shown.
        """
        name = name or self._first
        surface = self._by_name.get(name) or self._make(name)
        surface.wake()
        return surface

    def look(self, name: str) -> Surface | None:
        """Return a surface, "" for the first one, to look at its frame without being a client; None if it is unknown.

        Raises: FrameError if it cannot be shown.
        """
        surface = self._by_name.get(name or self._first)
        if surface is not None:
            surface.wake()
        return surface

    def admit(self, client: Client, surface: Surface) -> None:
        """Let a client look at a surface that was found just now, or wait for it."""
        self._by_name[surface.name] = surface
        client.surface = surface.name
        surface.show.admit(client)
        surface.greet(client)
        surface.count()
        client.route(surface.number)
        client.session.is_muted = self.mutes_all or surface.is_muted

    def dismiss(self, client: Client) -> None:
        """Forget a client, and a surface that is gone when its last one goes."""
        surface = self._by_name[client.surface]
        surface.show.dismiss(client)
        surface.count()
        self._close_if_over(client.surface)

    def mute(self, everybody: bool) -> None:
        """Say whether anybody's input counts; where a program takes none, nobody's does."""
        self.mutes_all = everybody
        for surface in self._by_name.values():
            self._mute(surface)

    def judge(self) -> None:
        """Let every session look back at the frames that were shown, if there were any."""
        for show in self:
            show.judge()

    def write_counters(self) -> None:
        """Put into the status page what all shows have counted."""
        for counter, total in self._totals().items():
            self._runtime.counters.set(counter, total)
        self._classes.set(sum(map(_pixels, self), self._past_pixels))

    def end(self) -> None:
        """Share nothing with other workers any more."""
        for show in self:
            show.stop_sharing()
        if self._arenas is not None:
            self._arenas.close()
            self._arenas = None

    def _totals(self) -> dict[Counter, int]:
        totals = dict(self._past)
        for show in self:
            for counter, count in _counts(show).items():
                totals[counter] += count
        return totals

    def _make(self, name: str) -> Surface:
        counters = SlotCounters(memoryview(array("Q", [0] * SLOT_WORDS))) if name else self._runtime.counters
        title = self._runtime.config.server.desktop_name or "mpvnc"
        show = Show(self._loop, title, Audience(counters))
        if self._arenas is not None:
            show.share(self._arenas)
        return Surface(name, show)

    def _close_if_over(self, name: str) -> None:
        """Close a named surface that the supervisor has forgotten, or never had, when nobody is left."""
        if name and name not in self._names and not self[name].clients:
            surface = self._by_name.pop(name)
            for counter, count in _counts(surface.show).items():
                self._past[counter] += count
            self._past_pixels += _pixels(surface.show)
            surface.close()

    def _on_bell(self) -> None:
        os.read(self._runtime.bell, 8)
        for show in self:
            show.look()

    def _on_given(self) -> None:
        for show in self:
            show.arrived()

    # -- the supervisor

    def _of(self, message: dict[str, Any]) -> Surface:
        name = message.get("surface", "")
        if name not in self._by_name:
            self._by_name[name] = self._make(name)
        return self._by_name[name]

    def _on_segment(self, message: dict[str, Any], fds: list[int]) -> None:
        surface = self._of(message)
        try:
            segment, *pages = fds
            if pages:
                pointer, page = pages
                surface.belong(message["number"], pointer, page, self._runtime)
            surface.take(segment)
        except (MpvncError, ValueError, OSError) as error:
            logger.error("generation %d cannot be shown: %s", message["generation"], error)
            return
        finally:
            for fd in fds:
                os.close(fd)
        logger.debug("generation %d: %dx%d", message["generation"], message["width"], message["height"])

    def _on_arenas(self, message: dict[str, Any], fds: list[int]) -> None:
        """Share what is encoded with other workers; without that, each works for itself."""
        try:
            self._arenas = Arenas(self._runtime.slot, message["slots"], fds)
        except MpvncError as error:
            logger.error("nothing can be shared with other workers: %s", error)
            return
        self._arenas.listen(self._loop, self._on_given)
        for show in self:
            show.share(self._arenas)

    def _on_source(self, message: dict[str, Any], _fds: list[int]) -> None:
        surface = self._of(message)
        surface.is_up = message.get("state", "up") == "up"
        if message.get("name"):
            surface.show.rename(message["name"])
        if "view_only" in message:
            surface.is_muted = message["view_only"]
            self._mute(surface)

    def _on_notice(self, message: dict[str, Any], fds: list[int]) -> None:
        surface = self._of(message)
        show = surface.show
        if message.get("notice") == "desktop_name":
            show.rename(message["name"])
        elif message.get("notice") == "clipboard":
            self._announce(surface, fds)
        elif message.get("notice") == "bell":
            for client in show.clients:
                client.session.say(writers.bell())
                client.notice()

    def _announce(self, surface: Surface, fds: list[int]) -> None:
        try:
            surface.announce(fds)
        except ControlError as error:
            logger.error("a clipboard cannot be told: %s", error)
        finally:
            for fd in fds:
                os.close(fd)

    def _on_surfaces(self, message: dict[str, Any], _fds: list[int]) -> None:
        """Let go of those that are forgotten; whoever waits for any goes to the first."""
        self._names, self._first = message["names"], message["first"]
        for name in list(self._by_name):
            self._close_if_over(name)
        if self._first and self[""].clients:
            try:
                self._move(self.find(self._first))
            except MpvncError as error:
                logger.error("surface %s cannot be shown: %s", self._first, error)

    def _move(self, surface: Surface) -> None:
        for client in self[""].clients:
            self[""].dismiss(client)
            self.admit(client, surface)
            client.handle_late()
            client.notice()

    def _mute(self, surface: Surface) -> None:
        for client in surface.show.clients:
            client.session.is_muted = self.mutes_all or surface.is_muted


def _counts(show: Show) -> dict[Counter, int]:
    counters = show.broadcast.fanout.counters
    return {
        Counter.FRAMES: show.frames,
        Counter.UPDATES_SENT: show.updates,
        Counter.BYTES_SENT: show.update_bytes,
        Counter.ENCODE_US: int(show.encode_s * 1e6),
        **{counter: getattr(counters, name) for counter, name in _COUNTED.items()},
    }


def _pixels(show: Show) -> Tally[str]:
    """Return how many pixels were encoded of each wire class, by its name."""
    pixels: Tally[str] = Tally()
    for wire, count in show.broadcast.fanout.counters.pixels.items():
        pixels[class_name(wire) if wire else OTHERS] += count
    return pixels
