"""Viewers that are alike (same class, same frame held): one is offered a new frame, the others follow.

Owns: who leads and who follows. The *leader* of a group waits for an update like any other session; when it is
made, the others are sent the same. So the broadcast is asked once for all of them, and each is touched once. A
leader that goes, or wants something else meanwhile, is succeeded by one of its followers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from mpvnc.session.broadcast import Broadcast, Delivery, Kind
from mpvnc.session.following import Following
from mpvnc.session.session import Session


class Member(Protocol):
    """A viewer; it sends what it gets."""

    @property
    def session(self) -> Session:
        """Its session."""

    def offer(self) -> None:
        """Have its session offered the screen, if it may be sent anything now."""

    def follow(self, same: Following) -> bool:
        """Hold what its leader was sent, and have it sent next; False, and it is offered the screen, if it may not."""

    def send_same(self, same: Following) -> None:
        """Be sent that, after `follow` said so."""


_M = TypeVar("_M", bound=Member)


class Groups(Generic[_M]):
    """The groups of one broadcast's viewers, for one frame."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._followers: dict[Kind, list[_M]] = {}
        self._leaders: dict[Session, Kind] = {}

    def clear(self) -> None:
        """Let nobody lead or follow: everybody is about to be offered another screen."""
        self._followers, self._leaders = {}, {}

    def offer(self, members: Iterable[_M]) -> None:
        """Offer the screen to all of them: to one of each group, if it has to wait."""
        self.clear()
        self._offer(members)

    def hand_out(
        self, deliveries: Sequence[Delivery], send: Callable[[Delivery], None], now: float
    ) -> list[tuple[Delivery, list[_M]]]:
        """Have all of them sent, then let those follow whose leaders have theirs; return who did.

        Nobody is offered anything before: an update that is made but not sent comes first. So a leader that
        cannot be sent to and goes has no successor.

        Args:
            now: as for the deliveries.
        """
        groups = [(delivery, *self._end(delivery.session)) for delivery in deliveries]
        for delivery in deliveries:
            send(delivery)
        return [
            (delivery, self._follow(delivery, kind, members, now))
            for delivery, kind, members in groups
            if kind is not None and members
        ]

    def left(self, session: Session) -> None:
        """Note that a session waits for nothing any more: if it has led, another one does."""
        self._offer(self._end(session)[1])

    def _end(self, session: Session) -> tuple[Kind | None, list[_M]]:
        """Let a session lead nobody any more; return its kind and its followers, if it has led."""
        kind = self._leaders.pop(session, None)
        return kind, [] if kind is None else self._followers.pop(kind)

    def _follow(self, delivery: Delivery, kind: Kind, members: list[_M], now: float) -> list[_M]:
        same = self._broadcast.following(delivery, kind, now)
        if same is None:
            self._offer(members)
            return []
        # One thing at a time: a system call throws out of the processor's cache what the next one would need again.
        followers = [member for member in members if member.follow(same)]
        for member in followers:
            member.send_same(same)
        return followers

    def _offer(self, members: Iterable[_M]) -> None:
        kind, followers = None, None
        for member in members:
            session = member.session
            if not session.is_ready:
                continue
            picture = session.picture
            if kind is None or not (
                session.wire is kind[0]
                and session.streams is kind[1]
                and picture.base == kind[2]
                and picture.overlay is kind[3]
            ):
                kind = (session.wire, session.streams, picture.base, picture.overlay)
                followers = self._followers.get(kind)
            if followers is not None:
                followers.append(member)
                continue
            member.offer()
            if session.is_served:
                followers = self._followers[kind] = []
                self._leaders[session] = kind
