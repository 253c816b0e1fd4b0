"""What a session misses, and why."""

from __future__ import annotations

import pytest

from mpvnc.session.pacing import Link, Pacer
from mpvnc.session.rungs import Rung
from mpvnc.session.standing import Standing

QUIET, CROWDED = Link(0.02, 0.02, 1000, 0), Link(0.4, 0.02, 60_000, 30_000)


def judged(got: int, link: Link | None, *, held_back: int = 0, own: int | None = 8) -> Standing:
    """Return how a session stands that got so many of 30 frames."""
    standing = Standing()
    standing.ladder.own(own)
    standing.judge(1.0, 100, 40, link)
    standing.held_back = held_back
    standing.judge(2.0, 130, 40 + got, link)
    return standing


@pytest.mark.parametrize(
    "got, link, held_back, reason",
    [
        (30, QUIET, 0, ""), (30, None, 0, ""), (10, QUIET, 0, "decode"), (10, None, 0, "decode"),
        (10, CROWDED, 0, "network"), (10, CROWDED, 5, "network"), (10, QUIET, 5, "policy"),
    ],
)  # fmt: skip
def test_why_it_is_limited(got, link, held_back, reason):
    limits = judged(got, link, held_back=held_back).limits(Pacer(), 40 + got, is_paced=False)
    assert limits.limited_by == reason and limits.skipped == 30 - got and limits.frames == 40 + got


def test_what_was_shown_before_it_came_was_not_missed():
    standing = Standing()
    assert standing.judge(1.0, 100_000, 1, CROWDED) is None
    assert standing.limits(Pacer(), 1, is_paced=False).skipped == 0


def test_a_rung_is_told_once():
    standing = judged(10, QUIET)
    assert standing.judge(3.0, 160, 50, CROWDED) == Rung(5, 1)
    assert standing.judge(4.0, 190, 60, CROWDED) is None
    assert standing.limits(Pacer(), 60, is_paced=False)[:3] == (1, 5, 1)


def test_whoever_left_its_rung_because_of_the_network_is_limited_by_it_there():
    standing = judged(10, CROWDED)
    standing.judge(3.0, 160, 80, CROWDED)
    assert standing.limits(Pacer(), 80, is_paced=False).limited_by == "network"
    standing.judge(4.0, 190, 110, QUIET)
    assert standing.limits(Pacer(), 110, is_paced=False).limited_by == ""


def test_a_rung_of_rate_is_policy():
    standing = judged(10, CROWDED, own=None)
    standing.judge(3.0, 160, 65, QUIET)
    assert standing.limits(Pacer(), 65, is_paced=False).limited_by == "policy"


def test_the_way_is_measured_by_whoever_paces():
    pacer = Pacer()
    pacer.has_fences = True
    pacer.sent(5000, 1.0)
    standing = judged(30, QUIET)
    assert standing.limits(pacer, 70, is_paced=False)[3:6] == (0.02, 1000, 0)
    assert standing.limits(pacer, 70, is_paced=True)[3:6] == (0.0, 5000, pacer.window_bytes)


def test_the_kernel_is_asked_only_about_who_misses_something_or_is_on_a_lower_rung():
    standing = judged(30, QUIET)
    assert not standing.wants_link(160, 100)
    assert standing.wants_link(160, 99)
    standing = judged(5, CROWDED)
    assert standing.ladder.position > 0
    assert standing.wants_link(160, 75)
