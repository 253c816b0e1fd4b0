"""When the next update of continuous updates may start, on links that are simulated."""

from __future__ import annotations

import struct
from collections import deque

import pytest

from mpvnc.session.pacing import INITIAL_BYTES, PROBE_S, Link, Pacer

NUMBER = struct.Struct(">I")


def payload(fence: bytes) -> bytes:
    """Return the payload of a fence request, as a client sends it back."""
    kind, flags, length = struct.unpack_from(">B3xIB", fence)
    assert (kind, flags, length) == (248, 1 << 31 | 1, 4)
    return fence[9:]


def fenced() -> Pacer:
    pacer = Pacer()
    pacer.has_fences = True
    return pacer


# -- fences


def test_the_first_updates_fill_the_first_window():
    pacer, started = fenced(), 0
    while pacer.may_start(1.0):
        pacer.sent(10_000, 1.0)
        started += 1
    assert started == -(-INITIAL_BYTES // 10_000) and pacer.in_flight_bytes == started * 10_000


def test_one_update_is_always_allowed():
    pacer = fenced()
    _, fence = pacer.sent(10**7, 1.0)
    assert not pacer.may_start(1.0)
    pacer.fence_answered(payload(fence), 2.0)
    assert pacer.may_start(2.0)


def test_a_ping_goes_first_where_nothing_is_on_its_way():
    pacer = fenced()
    before, after = pacer.sent(1000, 1.0)
    assert before and after
    assert pacer.sent(1000, 1.0)[0] == b"", "what is on its way would be in it"
    pacer.fence_answered(payload(before), 1.03)
    pacer.fence_answered(payload(after), 1.2)
    assert pacer.base_s == pytest.approx(0.03) and pacer.rtt_s == pytest.approx(0.2)


def test_answers_that_were_not_asked_for_change_nothing():
    pacer = fenced()
    sent = [pacer.sent(INITIAL_BYTES, 1.0)[1] for _ in range(3)]
    for wrong in (b"", b"\0" * 3, b"\0" * 8, NUMBER.pack(99), NUMBER.pack(2**32 - 1)):
        pacer.fence_answered(wrong, 2.0)
        assert pacer.in_flight_bytes == 3 * INITIAL_BYTES
    pacer.fence_answered(payload(sent[2]), 2.0)
    pacer.fence_answered(payload(sent[0]), 2.0)
    assert pacer.in_flight_bytes == 0, "an answer that comes again takes nothing back"


def test_the_numbers_wrap():
    pacer = fenced()
    pacer._number = 2**32 - 2
    before, after = pacer.sent(1000, 1.0)
    assert payload(before) == NUMBER.pack(2**32 - 1) and payload(after) == bytes(4)
    pacer.fence_answered(payload(after), 1.1)
    assert pacer.in_flight_bytes == 0


def test_a_client_that_never_answers_gets_few_and_is_remembered_little():
    pacer = fenced()
    for _ in range(10_000):
        if pacer.may_start(1.0):
            pacer.sent(1, 1.0)
    assert len(pacer._outstanding) <= 130


def test_fences_that_come_and_go_leave_nothing_on_its_way():
    pacer = fenced()
    pacer.sent(10**6, 1.0)
    pacer.has_fences = False
    assert pacer.may_start(1.0, 0)
    pacer.sent(10**6, 1.0)
    pacer.has_fences = True
    assert pacer.may_start(1.0)


# -- without fences


def test_without_fences_the_kernel_counts():
    pacer = Pacer()
    assert pacer.sent(200_000, 1.0) == (b"", b"")
    assert not pacer.may_start(1.1, 150_000), "it counts whole updates"
    assert pacer.may_start(1.2, 0)


def test_without_fences_several_small_updates_may_be_on_their_way():
    pacer = Pacer()
    for _ in range(6):
        assert pacer.may_start(1.0, pacer.in_flight_bytes)
        pacer.sent(10_000, 1.0)


# -- simulated links


class Wire:
    """A link with a bandwidth, a delay both ways together, an endless queue, and a viewer that decodes."""

    def __init__(self, bytes_per_s: float, delay_s: float, decode_s: float = 0.0) -> None:
        self.rate, self.delay_s, self.decode_s = bytes_per_s, delay_s, decode_s
        self.free_at = self.decoded_at = 0.0
        self.answers: deque[tuple[float, bytes]] = deque()
        self.acks: deque[tuple[float, int]] = deque()
        self.carried = 0
        self.queued_s: list[float] = []

    def send(self, now: float, before: bytes, size: int, after: bytes) -> None:
        if before:
            self._answer(max(now, self.free_at), before, 0.0)
        self.queued_s.append(max(self.free_at - now, 0.0))
        self.free_at = max(now, self.free_at) + size / self.rate
        self.carried += size
        self.acks.append((self.free_at + self.delay_s, size))
        if after:
            self._answer(self.free_at, after, self.decode_s)

    def _answer(self, sent_at: float, fence: bytes, decode_s: float) -> None:
        self.decoded_at = max(self.decoded_at, sent_at + self.delay_s / 2) + decode_s
        self.answers.append((self.decoded_at + self.delay_s / 2, payload(fence)))

    def unacknowledged(self, now: float) -> int:
        while self.acks and self.acks[0][0] <= now:
            self.acks.popleft()
        return sum(size for _, size in self.acks)


def run(
    pacer: Pacer, wire: Wire, size: int, until_s: float, *, since_s: float = 0.0, every_s: float = 0.001
) -> None:
    """Send whenever it is allowed and a frame is there."""
    now = since_s
    while now < until_s:
        now += every_s
        while wire.answers and wire.answers[0][0] <= now:
            at, answer = wire.answers.popleft()
            pacer.fence_answered(answer, at)
        while pacer.may_start(now, wire.unacknowledged(now)):
            wire.send(now, *_ordered(pacer.sent(size, now), size))
            if every_s > 0.005:
                break


def _ordered(fences: tuple[bytes, bytes], size: int) -> tuple[bytes, int, bytes]:
    return fences[0], size, fences[1]


LINKS = [
    (12.5e6, 0.05, 30_000),
    (12.5e6, 0.05, 400_000),
    (250e3, 0.1, 5_000),
    (250e3, 0.1, 30_000),
    (125e6, 0.002, 100_000),
]


@pytest.mark.parametrize("rate, delay_s, size", LINKS)
@pytest.mark.parametrize("has_fences", [True, False])
def test_a_link_is_used_and_its_queue_stays_short(rate, delay_s, size, has_fences):
    pacer, wire = Pacer(), Wire(rate, delay_s)
    pacer.has_fences = has_fences
    pacer.suppose_base(delay_s, 0.0)
    run(pacer, wire, size, 5.0)
    begun, wire.queued_s = wire.carried, []
    run(pacer, wire, size, 35.0, since_s=5.0)
    used = (wire.carried - begun) / rate / 30
    late = sorted(wire.queued_s)[int(len(wire.queued_s) * 0.95)]
    assert used > 0.9
    assert late <= delay_s + 1.5 * size / rate


def test_a_link_that_becomes_slow_is_noticed():
    pacer, wire = fenced(), Wire(12.5e6, 0.05)
    run(pacer, wire, 30_000, 5.0)
    wide = pacer.window_bytes
    wire.rate /= 20
    run(pacer, wire, 30_000, 15.0, since_s=5.0)
    assert pacer.window_bytes < wide / 5
    wire.rate *= 20
    run(pacer, wire, 30_000, 20.0, since_s=15.0)
    assert pacer.window_bytes > wide / 2


def test_a_way_that_becomes_long_is_noticed():
    pacer, wire = fenced(), Wire(12.5e6, 0.01)
    run(pacer, wire, 30_000, 5.0)
    wire.delay_s = 0.1
    run(pacer, wire, 30_000, 5.0 + 3 * PROBE_S, since_s=5.0)
    assert pacer.base_s == pytest.approx(0.1, rel=0.1)
    before = wire.carried
    run(pacer, wire, 30_000, 45.0, since_s=5.0 + 3 * PROBE_S)
    assert (wire.carried - before) / 12.5e6 / 10 > 0.85


def test_little_that_is_sent_does_not_shut_the_window():
    pacer, wire = fenced(), Wire(12.5e6, 0.05)
    run(pacer, wire, 30_000, 5.0)
    wide = pacer.window_bytes
    run(pacer, wire, 500, 60.0, since_s=5.5, every_s=0.1)
    assert pacer.window_bytes > wide / 2


def test_who_decodes_slowly_gets_one_update_at_a_time():
    pacer, wire = fenced(), Wire(1e9, 0.0002, decode_s=0.03)
    run(pacer, wire, 30_000, 5.0)
    assert pacer.in_flight_bytes <= 2 * 30_000
    assert pacer.rtt_s < 0.1


# -- what the kernel says


@pytest.mark.parametrize(
    "rtt_s, base_s, is_queueing",
    [
        (0.00005, 0.00002, False),
        (0.04, 0.00002, False),
        (0.09, 0.0003, True),
        (0.1, 0.098, False),
        (0.2, 0.1, True),
    ],
)
def test_a_queue_shows_in_the_round_trip(rtt_s, base_s, is_queueing):
    assert Link(rtt_s, base_s, 1, 0).is_queueing is is_queueing
