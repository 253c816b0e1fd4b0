from __future__ import annotations

import pytest

from mpvnc.config import Timeouts
from mpvnc.supervisor import policy
from mpvnc.supervisor.policy import Act, Child, Heartbeats, State, Stop, give_up_reason, plan, state_of

T = Timeouts()


def acts(children, now, stop=None):
    return [(action.act, action.child.role) for action in plan(children, now, T, stop)]


def running(role="encoder", slot=0, started=0.0, ready=True):
    child = Child(role, slot)
    child.was_started(started)
    if ready:
        child.was_ready(started)
    return child


def crash(child, now):
    child.has_exited(now, T, asked=False)


def test_a_child_that_never_ran_is_started_at_once():
    child = Child("encoder", 0)
    assert acts([child], 5.0) == [(Act.START, "encoder")]
    child.was_started(5.0)
    assert acts([child], 5.0) == []
    assert state_of(child) is State.STARTING and child.restarts == 0


def test_states():
    child = running()
    assert state_of(child) is State.READY
    child.source_up = False
    assert state_of(child) is State.SOURCE_DOWN
    child.drained = 1.0
    assert state_of(child) is State.DRAINING
    child.has_exited(2.0, T, asked=True)
    assert state_of(child) is State.EXITED
    crash(child, 3.0)
    assert state_of(child) is State.BACKOFF


@pytest.mark.parametrize(
    ("crash_times", "pauses"),
    [
        ([0], [0.1]),
        ([0, 20, 40, 60, 80, 100, 120, 140, 160, 180], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30]),
        ([0, 70, 140], [0.1, 0.1, 0.1]),
    ],
)
def test_the_pause_doubles_until_it_ran_well(crash_times, pauses):
    child = Child("encoder", 0)
    seen = []
    for time in crash_times:
        started = child.crashes[-1] + seen[-1] if child.crashes else 0.0
        child.was_started(started)
        child.was_ready(started)
        crash(child, time)
        seen.append(policy.restart_time(child, time, T) - time)
    assert seen == pytest.approx(pauses)
    assert child.restarts == len(crash_times) - 1


def test_five_crashes_in_a_minute_fail_it_and_it_is_tried_every_thirty_seconds():
    child = Child("encoder", 0)
    for time in (0, 1, 2, 3):
        child.was_started(time)
        crash(child, time)
        assert state_of(child) is State.BACKOFF
    child.was_started(50)
    crash(child, 50)
    assert state_of(child) is State.FAILED
    assert acts([child], 79.9) == [] and acts([child], 80) == [(Act.START, "encoder")]
    for time in (80, 110, 140, 170):
        child.was_started(time)
        crash(child, time)
        assert state_of(child) is State.FAILED
        assert policy.restart_time(child, time, T) == time + 30
    child.was_started(200)
    child.was_ready(200)
    assert state_of(child) is State.READY
    crash(child, 261)
    assert state_of(child) is State.BACKOFF


def test_five_crashes_in_more_than_a_minute_do_not():
    child = Child("encoder", 0)
    for time in (0, 20, 40, 61, 90, 110):
        child.was_started(time)
        crash(child, time)
    assert state_of(child) is State.BACKOFF


def test_one_that_does_not_become_ready_is_aborted_then_killed():
    child = running(ready=False)
    assert acts([child], T.start_s - 0.1) == []
    assert acts([child], T.start_s) == [(Act.ABORT, "encoder")]
    child.aborted = T.start_s
    assert acts([child], T.start_s + 1) == []
    assert acts([child], T.start_s + policy.ABORT_GRACE_S) == [(Act.KILL, "encoder")]
    child.killed = True
    assert acts([child], T.start_s + 9) == []


def test_a_silent_one_is_aborted():
    child = running()
    child.silent_s = T.heartbeat_s
    assert acts([child], 50) == [(Act.ABORT, "encoder")]


def test_one_that_hung_up_by_itself_is_killed_if_it_stays():
    child = running()
    child.hung_up = 5.0
    assert acts([child], 5.1) == []
    assert acts([child], 5.0 + policy.HANGUP_GRACE_S) == [(Act.KILL, "encoder")]


class TestStop:
    def test_encoders_drain_first_then_the_others_hang_up(self):
        crew = [running(), running("capture", 1), running("injector", 2), Child("encoder", 3)]
        stop = Stop(10.0, quick=False)
        assert acts(crew, 10.0, stop) == [(Act.DRAIN, "encoder")]
        crew[0].drained = 10.0
        assert acts(crew, 10.1, stop) == []
        crew[0].has_exited(10.2, T, asked=True)
        assert acts(crew, 10.2, stop) == [(Act.HANG_UP, "capture"), (Act.HANG_UP, "injector")]

    def test_after_the_time_to_drain_all_hang_up_and_are_killed(self):
        crew = [running(), running("capture", 1)]
        crew[0].drained = 10.0
        late = 10.0 + T.drain_s
        stop = Stop(10.0, quick=False)
        assert acts(crew, late, stop) == [(Act.HANG_UP, "encoder"), (Act.HANG_UP, "capture")]
        crew[0].hung_up = crew[1].hung_up = late
        assert acts(crew, late + 0.1, stop) == []
        late += policy.HANGUP_GRACE_S
        assert acts(crew, late, stop) == [(Act.KILL, "encoder"), (Act.KILL, "capture")]

    def test_quick(self):
        crew = [running(), running("capture", 1)]
        assert acts(crew, 10.0, Stop(10.0, quick=True)) == [
            (Act.HANG_UP, "encoder"),
            (Act.HANG_UP, "capture"),
        ]

    def test_nothing_is_started(self):
        child = running()
        crash(child, 1.0)
        assert acts([child, Child("capture", 1)], 99.0, Stop(1.0, quick=False)) == []


class TestGivingUp:
    def test_before_the_ready_line_one_child_that_ends_unready_is_enough(self):
        crew = [running(), running("capture", 1, ready=False)]
        assert give_up_reason(crew, announced=False) is None
        crash(crew[1], 1.0)
        assert give_up_reason(crew, announced=False) == "capture 1 could not start"
        assert give_up_reason(crew, announced=True) is None

    def test_one_that_had_been_ready_may_come_back(self):
        child = running()
        crash(child, 1.0)
        assert give_up_reason([child], announced=False) is None

    def test_without_any_worker_left(self):
        crew = [running(), running(slot=1), running("capture", 2)]
        for child in crew[1:]:
            for time in range(5):
                child.was_started(time)
                crash(child, time)
        assert give_up_reason(crew, announced=True) is None
        for time in range(5):
            crew[0].was_started(time)
            crash(crew[0], time)
        assert give_up_reason(crew, announced=True) == "no worker left"


def test_next_time_is_when_something_is_due():
    idle, starting, aborted, down = running(), running(started=3.0, ready=False), running(), running()
    aborted.aborted = 4.0
    crash(down, 5.0)
    assert policy.next_time([idle], 5.0, T, None) == float("inf")
    assert policy.next_time([starting], 5.0, T, None) == 3.0 + T.start_s
    assert policy.next_time([aborted], 5.0, T, None) == 4.0 + policy.ABORT_GRACE_S
    assert policy.next_time([down], 5.0, T, None) == pytest.approx(5.1)
    stop = Stop(5.0, quick=False)
    assert policy.next_time([down], 5.0, T, stop) == float("inf")
    assert policy.next_time([idle], 5.0, T, stop) == 5.0 + T.drain_s
    idle.hung_up = 6.0
    assert policy.next_time([idle], 6.0, T, stop) == 6.0 + policy.HANGUP_GRACE_S


class TestHeartbeats:
    def test_silence_adds_up_and_a_beat_ends_it(self):
        hearts, child = Heartbeats(1.0), running()
        for now in range(5):
            hearts.tick(float(now), {child: 7})
        assert child.silent_s == 4.0
        hearts.tick(5.0, {child: 8})
        assert child.silent_s == 0.0

    def test_a_suspended_machine_aborts_nobody(self):
        hearts, child = Heartbeats(1.0), running()
        hearts.tick(0.0, {child: 7})
        hearts.tick(1.0, {child: 7})
        hearts.tick(5000.0, {child: 7})
        assert child.silent_s == 1.0

    def test_each_life_starts_anew(self):
        hearts, child = Heartbeats(1.0), running()
        hearts.tick(0.0, {child: 7})
        hearts.tick(1.0, {})
        hearts.tick(2.0, {child: 7})
        assert child.silent_s == 0.0
