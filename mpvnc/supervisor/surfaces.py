"""What a supervisor shows: the one screen of its capture process, or the surfaces that programs publish by name.

Owns the table of surfaces, their pointer and audience pages, their order, and how many there may be. A surface
outlives its program: the last frame stays, and a program that comes back under the name goes on with it. Only
when the table is full is one forgotten whose program is gone and which nobody looks at. Who the programs are is
publishing.py's business.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import Protocol

from mpvnc.config import is_name
from mpvnc.errors import PublishError
from mpvnc.frames.pointer import pointer_page_bytes
from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter, StatusPage, create_status_page, slot_count
from mpvnc.supervisor.policy import Child
from mpvnc.supervisor.segments import Numbering, Segments
from mpvnc.supervisor.writers import Send, Writers


class Crew(Protocol):
    """What is needed of the children: crew.Crew has it."""

    encoders: list[Child]
    consumer: Child

    def broadcast(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send to every encoder that runs."""

    def send(self, child: Child, message: Message, fds: Sequence[int] = ()) -> None:
        """Send to one child."""


class Surface:
    """A named surface.

    Attributes:
        number: given once, over all names; what input is routed by.
        writers: its segments and its state.
        pid: of the program that publishes it; 0 when that is gone.
        rank: the lowest is the first surface, that of viewers which ask for none.
        page_fd, page: per encoder, how many clients it has here (metrics.StatusPage, CLIENTS).
    """

    def __init__(self, name: str, number: int, crew: Crew, numbering: Numbering, desktop_name: str) -> None:
        self.name = name
        self.number = number
        self.writers = Writers(Segments(numbering), self._broadcast, desktop_name, f"surface {name}")
        self.pid = 0
        self.rank = math.inf
        self.pointer_fd = os.memfd_create("mpvnc-pointer", os.MFD_CLOEXEC)
        os.ftruncate(self.pointer_fd, pointer_page_bytes())
        self.page_fd = create_status_page(slot_count(len(crew.encoders)))
        self.page = StatusPage(self.page_fd, slot_count(len(crew.encoders)))
        self._crew = crew

    @property
    def viewers(self) -> int:
        """How many clients look at it, or wait to."""
        slots = (self.page.slot(encoder.slot) for encoder in self._crew.encoders)
        return sum(slot.get(Counter.CLIENTS) for slot in slots)

    def welcome(self, encoder: Child) -> None:
        """Tell a new encoder of it."""
        self.writers.welcome(lambda message, fds: self._crew.send(encoder, *self._told(message, fds)))

    def close(self) -> None:
        """Dispose of segments and pages; who has them keeps them."""
        self.writers.close()
        self.page.close()
        os.close(self.page_fd)
        os.close(self.pointer_fd)

    def _broadcast(self, message: Message, fds: Sequence[int]) -> None:
        self._crew.broadcast(*self._told(message, fds))

    def _told(self, message: Message, fds: Sequence[int]) -> tuple[Message, Sequence[int]]:
        """Return a message of its writers as encoders get it."""
        if message["type"] == "segment":
            fds = [*fds, self.pointer_fd, self.page_fd]
        return {**message, "surface": self.name, "number": self.number}, fds


class Surfaces:
    """All of them. `screen` is that of the capture process; it stays empty where programs publish.

    Args:
        limit: how many named surfaces there may be.
    """

    def __init__(self, instance: str, crew: Crew, desktop_name: str, limit: int) -> None:
        self._crew = crew
        self._desktop_name = desktop_name
        self._limit = limit
        self._numbering = Numbering(instance)
        self._numbers = itertools.count(1)
        self._ranks = itertools.count()
        self._by_name: dict[str, Surface] = {}
        self._told: Message = {}
        self.screen = Writers(Segments(self._numbering), crew.broadcast, desktop_name)

    def __iter__(self) -> Iterator[Surface]:
        """Yield the named surfaces, in the order of their ranks."""
        return iter(sorted(self._by_name.values(), key=lambda surface: surface.rank))

    @property
    def first(self) -> Surface | None:
        """What viewers see that ask for none: the oldest that has been drawn and not been closed, if there is one."""
        return next((surface for surface in self if surface.writers.generation is not None), None)

    @property
    def source(self) -> Writers:
        """The first surface's writers, else those of the screen."""
        return self.screen if self.first is None else self.first.writers

    def welcome_encoder(self, encoder: Child) -> None:
        """Tell a new encoder what there is."""
        self._crew.send(encoder, self._overview())
        self.screen.welcome(lambda message, fds: self._crew.send(encoder, message, fds))
        for surface in self:
            surface.welcome(encoder)

    def welcome_consumer(self) -> None:
        """Tell a new consumer whose input it will get."""
        for surface in self:
            self._crew.send(self._crew.consumer, {"type": "surface", "surface": surface.number})

    def enter(self, name: str, title: str, pid: int, *, view_only: bool) -> Surface:
        """Give a surface to a program: a new one, or one whose program is gone.

        Raises: PublishError saying why it cannot have it.
        """
        surface = self._by_name.get(name)
        if surface is not None and surface.pid:
            raise PublishError(f"another program publishes {name} here already")
        if surface is None:
            surface = self._add(name)
        surface.pid = pid
        if surface.rank == math.inf:
            surface.rank = next(self._ranks)
        self._tell_overview()
        surface.writers.came(title, view_only=view_only)
        return surface

    def said(self, surface: Surface, message: Message, answer: Send, fds: Sequence[int] = ()) -> bool:
        """Handle the message of a surface's program; False if it is none of a writer's. `fds` stay the caller's.

        Raises: as Writers.said does.
        """
        known = surface.writers.said(message, answer, fds)
        self._tell_overview()
        return known

    def withdraw(self, surface: Surface) -> None:
        """Its program closes it: others come first from now on."""
        surface.rank = math.inf
        self._tell_overview()

    def leave(self, surface: Surface) -> None:
        """Its program went: the last frame stays, if there was one."""
        surface.pid = 0
        has_closed = surface.rank == math.inf
        surface.writers.went("it was closed" if has_closed else "the publisher went", as_said=has_closed)
        if surface.writers.generation is None:
            self._forget(surface)
        self._tell_overview()

    def rename(self, desktop_name: str) -> None:
        """Take another configured desktop name, for all of them."""
        self._desktop_name = desktop_name
        for writers in (self.screen, *(surface.writers for surface in self)):
            writers.rename(desktop_name)

    def encoder_ended(self, slot: int) -> None:
        """The clients of that encoder went with it."""
        for surface in self:
            for counter in (Counter.CLIENTS, Counter.VIEWERS, Counter.SHOWN):
                surface.page.slot(slot).set(counter, 0)

    def close(self) -> None:
        """Dispose of everything."""
        self.screen.close()
        for surface in self:
            surface.close()

    def _add(self, name: str) -> Surface:
        if not is_name(name):
            raise PublishError(f"{name!r} is no name of a surface: 48 letters, digits, '.', '_', '-' at most")
        if len(self._by_name) >= self._limit:
            self._make_room()
        surface = Surface(name, next(self._numbers), self._crew, self._numbering, self._desktop_name)
        self._by_name[name] = surface
        self._crew.send(self._crew.consumer, {"type": "surface", "surface": surface.number})
        return surface

    def _make_room(self) -> None:
        idle = [surface for surface in self if not surface.pid and not surface.viewers]
        if not idle:
            raise PublishError(
                f"{self._limit} surfaces are published or looked at already: source.max_surfaces"
            )
        self._forget(idle[-1])

    def _forget(self, surface: Surface) -> None:
        del self._by_name[surface.name]
        surface.close()
        self._crew.send(self._crew.consumer, {"type": "surface_gone", "surface": surface.number})

    def _overview(self) -> Message:
        first = self.first
        names = [surface.name for surface in self]
        return {"type": "surfaces", "names": names, "first": first.name if first else ""}

    def _tell_overview(self) -> None:
        overview = self._overview()
        if overview != self._told:
            self._told = overview
            self._crew.broadcast(overview)
