"""How one session stands: what it misses, why, and on which rung that puts it.

Once a second the session is judged by the frames that were shown and those that it got. It costs nothing per frame.
"""

from __future__ import annotations

from typing import NamedTuple

from mpvnc.session.pacing import Link, Pacer
from mpvnc.session.rungs import Ladder, Rung


class Limits(NamedTuple):
    """How well one client is served, and what speaks against more.

    rung: from the top, which is 0; quality, every: what that means (see `rungs`).
    rtt_s: round trip, with the client's decoding if updates are paced by fences; 0 if not known.
    in_flight_bytes, window_bytes: what is on its way and what may be; the window is 0 where requests pace.
    frames, skipped: how many frames it got, and how many passed it by.
    limited_by: "network", "decode" (it asks or answers late), "policy" (a rung, a turn), or "".
    """

    rung: int
    quality: int | None
    every: int
    rtt_s: float
    in_flight_bytes: int
    window_bytes: int
    frames: int
    skipped: int
    limited_by: str


class Standing:
    """What one session missed lately, and its place on the ladder."""

    __slots__ = ("_before", "_limited_by", "_link", "_skipped", "held_back", "ladder")

    def __init__(self) -> None:
        self.ladder = Ladder()
        self.held_back = 0
        """How often its class had to wait for its turn, lately."""
        self._before: tuple[int, int] | None = None
        self._skipped = 0
        self._limited_by = ""
        self._link: Link | None = None

    def wants_link(self, shown: int, got: int) -> bool:
        """Whether it matters for `judge` what the kernel knows: something was missed, or it is not on the top rung."""
        shown_before, got_before = self._before or (shown, got)
        return self.ladder.position > 0 or shown - shown_before > got - got_before

    def judge(
        self, now: float, shown: int, got: int, link: Link | None, *, is_late: bool = False
    ) -> Rung | None:
        """Look at the counts of frames that were shown and that it got; return its rung if that is another.

        link: what the kernel knows of the connection, if it is known. is_late: whether answers tell of a queue.
        """
        shown_before, got_before = self._before or (shown, got)
        frames, missed = shown - shown_before, max(shown - shown_before - (got - got_before), 0)
        self._before, self._link = (shown, got), link
        self._skipped += missed
        is_network = is_late or (link is not None and link.is_queueing)
        self._limited_by = self._reason(missed, is_network)
        is_other = self.ladder.judge(now, frames, frames - missed, is_network=is_network)
        return self.ladder.rung if is_other else None

    def limits(self, pacer: Pacer, frames: int, *, is_paced: bool) -> Limits:
        """Return how it stands; `is_paced` if its updates go out unasked."""
        rtt_s, in_flight, window = 0.0, 0, 0
        if is_paced:
            rtt_s, in_flight, window = pacer.rtt_s, pacer.in_flight_bytes, pacer.window_bytes
        elif self._link is not None:
            rtt_s, in_flight = self._link.rtt_s, self._link.unacknowledged_bytes
        return Limits(
            self.ladder.position,
            *self.ladder.rung,
            rtt_s,
            in_flight,
            window,
            frames,
            self._skipped,
            self._limited_by,
        )

    def _reason(self, missed: int, is_network: bool) -> str:
        held_back, self.held_back = self.held_back, 0
        if is_network and (missed or self.ladder.position):
            return "network"
        if not missed:
            return ""
        return "policy" if held_back or self.ladder.rung.every > 1 else "decode"
