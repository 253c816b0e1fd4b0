"""What to do with the children, decided by pure functions of (children, now).

Owns the life of a child and every waiting time in it. Has no clock, process or socket: whoever acts on an
action tells the `Child` what it did, and asks again. The rules:

1. When the supervisor stops, encoders are drained, the others hung up (their control socket reads EOF)
   when no encoder is left; after `drain_s` all are hung up, and `HANGUP_GRACE_S` later killed. A quick
   stop hangs all up.
2. A child that ends otherwise has crashed, whatever its code. It starts again after `respawn_initial_s`,
   doubled for each crash since it last ran well for `crash_window_s`, at most `respawn_max_s`.
3. `crash_limit` crashes within `crash_window_s` make it FAILED until it runs well again: it is tried
   every `respawn_max_s`.
4. One that is not ready after `start_s`, or whose loop has been silent for `heartbeat_s`, is aborted
   (SIGABRT prints its stacks) and killed `ABORT_GRACE_S` later.
5. The supervisor gives up before the ready line if a child ends without ever having been ready, or
   fails, and at any time if every encoder has FAILED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mpvnc.config import Timeouts

ENCODER = "encoder"
ABORT_GRACE_S = 2.0
HANGUP_GRACE_S = 2.0
"""A limit alone: a healthy child is gone at once, on a loaded machine in a second."""
_NEVER = float("inf")


class State(Enum):
    """Where a child is in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    EXITED = "exited"
    BACKOFF = "backoff"
    FAILED = "failed"
    SOURCE_DOWN = "source down"


class Act(Enum):
    """What is to be done with a child."""

    START = "start"
    DRAIN = "drain"
    HANG_UP = "hang up"
    ABORT = "abort"
    KILL = "kill"


class Action(NamedTuple):
    """One thing to do."""

    act: Act
    child: Child
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that was asked for, with when, and whether clients get time to finish."""

    since: float
    quick: bool


@dataclass(slots=True, eq=False)
class Child:
    """What the supervisor knows of one child.

    Times are monotonic seconds; None: has not happened in this life.
    """

    role: str
    slot: int
    started: float | None = None
    ready_since: float | None = None
    drained: float | None = None
    hung_up: float | None = None
    aborted: float | None = None
    killed: bool = False
    source_up: bool = True
    silent_s: float = 0.0
    restarts: int = 0
    streak: int = 0
    has_failed: bool = False
    was_ever_ready: bool = False
    crashes: list[float] = field(default_factory=list)

    def was_started(self, now: float) -> None:
        """A process runs now; everything about the previous one is forgotten."""
        self.restarts += bool(self.crashes)
        self.started, self.ready_since, self.source_up, self.silent_s = now, None, True, 0.0
        self.drained = self.hung_up = self.aborted = None
        self.killed = False

    def was_ready(self, now: float) -> None:
        """It said that it can work."""
        self.ready_since, self.was_ever_ready = now, True

    def has_exited(self, now: float, timeouts: Timeouts, *, asked: bool) -> None:
        """Its process is gone; a crash unless that had been asked for."""
        if asked:
            self.crashes.clear()
        else:
            self._has_crashed(now, timeouts)
        self.started = self.ready_since = None

    def _has_crashed(self, now: float, timeouts: Timeouts) -> None:
        if self.ready_since is not None and now - self.ready_since >= timeouts.crash_window_s:
            self.streak, self.has_failed = 0, False
        self.streak += 1
        recent = [crash for crash in self.crashes if now - crash < timeouts.crash_window_s]
        self.crashes = [*recent, now][-timeouts.crash_limit :]
        self.has_failed = self.has_failed or len(self.crashes) >= timeouts.crash_limit


def state_of(child: Child) -> State:
    """Return the state of a child."""
    if child.started is not None:
        if child.drained is not None or child.hung_up is not None:
            return State.DRAINING
        if child.ready_since is None:
            return State.STARTING
        return State.READY if child.source_up else State.SOURCE_DOWN
    if not child.crashes:
        return State.EXITED
    return State.FAILED if child.has_failed else State.BACKOFF


def restart_time(child: Child, now: float, timeouts: Timeouts) -> float:
    """Return when a child without a process is to be started (again)."""
    if not child.crashes:
        return now
    if child.has_failed:
        return child.crashes[-1] + timeouts.respawn_max_s
    doubled = timeouts.respawn_initial_s * 2.0 ** min(child.streak - 1, 32)
    return child.crashes[-1] + min(doubled, timeouts.respawn_max_s)


def plan(children: Sequence[Child], now: float, timeouts: Timeouts, stop: Stop | None = None) -> list[Action]:
    """Return what is to be done now; empty if nothing."""
    if stop is None:
        return [action for child in children for action in _keep_up(child, now, timeouts)]
    encoders_run = any(child.started is not None and child.role == ENCODER for child in children)
    return [
        action
        for child in children
        if child.started is not None
        for action in _bring_down(child, now, timeouts, stop, child.role != ENCODER and encoders_run)
    ]


def give_up_reason(children: Sequence[Child], *, announced: bool) -> str | None:
    """Return why the supervisor has to end by itself, or None.

    Args:
        announced: whether the ready line is out.
    """
    failed = [child for child in children if state_of(child) is State.FAILED]
    if not announced:
        unfit = [child for child in children if child.started is None and child.crashes]
        dead = [child for child in unfit if not child.was_ever_ready or child in failed]
        return f"{dead[0].role} {dead[0].slot} could not start" if dead else None
    encoders = [child for child in children if child.role == ENCODER]
    return "no worker left" if encoders and all(child in failed for child in encoders) else None


def next_time(children: Iterable[Child], now: float, timeouts: Timeouts, stop: Stop | None) -> float:
    """Return when `plan` may have something new to do if nothing else happens; infinity if never."""
    times = [_NEVER]
    for child in children:
        if child.started is None:
            times.append(_NEVER if stop else restart_time(child, now, timeouts))
        elif child.aborted is not None and not child.killed:
            times.append(child.aborted + ABORT_GRACE_S)
        elif child.hung_up is not None and not child.killed:
            times.append(child.hung_up + HANGUP_GRACE_S)
        elif stop is not None:
            times.append(stop.since + timeouts.drain_s)
        elif child.ready_since is None:
            times.append(child.started + timeouts.start_s)
    return min(times)


class Heartbeats:
    """How long children have been silent, counted in ticks that the supervisor itself made on time.

    A tick that comes late (a suspended machine, a stopped supervisor) counts for nobody.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: float | None = None
        self._seen: dict[Child, int] = {}

    def tick(self, now: float, beats: Mapping[Child, int]) -> None:
        """Take the beats that the children have made so far; sets `silent_s` of each."""
        elapsed = self._interval_s if self._last is None else now - self._last
        on_time = elapsed <= 2 * self._interval_s
        for child, beat in beats.items():
            if self._seen.get(child) != beat or child.ready_since is None:
                child.silent_s = 0.0
            elif on_time:
                child.silent_s += elapsed
        self._last, self._seen = now, dict(beats)


def _keep_up(child: Child, now: float, timeouts: Timeouts) -> list[Action]:
    if child.started is None:
        due = restart_time(child, now, timeouts) <= now
        return [Action(Act.START, child, "")] if due else []
    if child.aborted is not None:
        late = now >= child.aborted + ABORT_GRACE_S and not child.killed
        return [Action(Act.KILL, child, "it did not end on SIGABRT")] if late else []
    if child.ready_since is None and now >= child.started + timeouts.start_s:
        return [Action(Act.ABORT, child, f"not ready after {timeouts.start_s:g} s")]
    if child.silent_s >= timeouts.heartbeat_s:
        return [Action(Act.ABORT, child, f"no heartbeat for {child.silent_s:.0f} s")]
    if child.hung_up is not None and now >= child.hung_up + HANGUP_GRACE_S and not child.killed:
        return [Action(Act.KILL, child, "it did not end on EOF")]
    return []


def _bring_down(child: Child, now: float, timeouts: Timeouts, stop: Stop, must_wait: bool) -> list[Action]:
    if child.hung_up is not None:
        late = now >= child.hung_up + HANGUP_GRACE_S and not child.killed
        return [Action(Act.KILL, child, "it did not end on EOF")] if late else []
    if stop.quick or now >= stop.since + timeouts.drain_s:
        return [Action(Act.HANG_UP, child, "")]
    if must_wait or child.drained is not None:
        return []
    return [Action(Act.DRAIN if child.role == ENCODER else Act.HANG_UP, child, "")]
