"""One encode for all workers: what is shared, who makes it, and how long anybody waits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import Encoding
from mpvnc.damage import TileTable
from mpvnc.encodings import encode
from mpvnc.encodings.base import EncodedRectangle, rectangle
from mpvnc.encodings.wire import WireClass, wire_class
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.session.division import PATIENCE_S
from mpvnc.session.fanout import Fanout
from mpvnc.session.planner import Piece
from mpvnc.session.reliance import DISTRUST_S, LATE_TIMES
from mpvnc.session.sharing import MIN_AREA, Sharing
from mpvnc.session.update import Update
from tests.session.room import Desk, desks
from tests.session.stage import PaintedScreen, Stage, noise

ZRLE = wire_class(NATIVE, [Encoding.ZRLE])
JPEG = wire_class(NATIVE, [Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + 6])
RAW = wire_class(NATIVE, [Encoding.RAW])
PIXELS = noise(256, 1280)
RECTS = [Rect(0, y, 256, 64) for y in range(0, 1280, 64)]
assert RECTS[0].area >= MIN_AREA


def sketch(pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Encode nothing, quickly."""
    return rectangle(rect, Encoding.RAW, bytes(8))


class Worker:
    """A fan-out that shares, with a segment that all workers show."""

    def __init__(self, desk: Desk, segment: int = 1, generation: int = 1, encode=sketch) -> None:
        self.desk = desk
        self.fanout = Fanout(encode)
        self.sharing = self.fanout.sharing = Sharing(desk)
        self.sharing.begin(segment, generation)

    @property
    def counters(self):
        return self.fanout.counters

    def watch(self, *wires: WireClass) -> Worker:
        """Have viewers of these classes."""
        self.sharing.keep(wires or (ZRLE,))
        return self

    def begin(
        self, epoch: int = 1, wire: WireClass = ZRLE, *, base: int = 1, now: float = 0.0, rects=RECTS
    ) -> Update:
        update = Update(("update", epoch, wire, base), wire, base, frozenset(), now)
        self.fanout.start(update, [Piece(rect, epoch) for rect in rects])
        return update

    def work(self, now: float = 0.0) -> int:
        """Do what can be done now; return how many rectangles that encoded."""
        before = self.counters.encodes
        while self.fanout.is_busy and now >= self.fanout.awaits_until:
            self.fanout.step(PIXELS, now)
        return self.counters.encodes - before

    def arrive(self, now: float = 0.0) -> int:
        self.fanout.arrived()
        return self.work(now)


def test_what_a_rectangle_takes_here_is_learned():
    one = Worker(desks(2)[0]).watch()
    usual_s = one.sharing.reliance.saved_s(ZRLE, RECTS[0].area)
    one.begin()
    one.fanout.step(PIXELS, 0.0)
    one.fanout.spent(0.02)
    assert one.sharing.reliance.saved_s(ZRLE, RECTS[0].area) == pytest.approx(0.02) != usual_s
    one.work()
    one.begin(base=0)
    one.fanout.step(PIXELS, 0.0)
    one.fanout.spent(5.0)
    assert one.sharing.reliance.saved_s(ZRLE, RECTS[0].area) == pytest.approx(0.02), "nothing was made"


def pair(**options) -> tuple[Worker, Worker]:
    one, two = (Worker(desk, **options).watch() for desk in desks(2))
    return one, two


def test_each_rectangle_is_made_once_by_all_together():
    one, two = pair()
    first, second = one.begin(), two.begin()
    made = one.work(), two.work()
    assert second.is_done and not first.is_done and one.desk.rings
    assert one.arrive() == 0 and first.is_done
    assert sum(made) == len(RECTS) and min(made) > len(RECTS) // 5, "the hash divides evenly, more or less"
    assert one.counters.taken == made[1] and two.counters.taken == made[0]
    assert len(first.message()) == len(second.message()) and first.count == second.count == len(RECTS)


@pytest.mark.parametrize("wire", [ZRLE, JPEG], ids=["zrle", "jpeg"])
def test_what_another_made_is_what_would_have_been_made(wire):
    one, two = pair(encode=encode)
    for worker in (one, two):
        worker.watch(wire)
    first, second = one.begin(wire=wire), two.begin(wire=wire)
    one.work(), two.work(), one.arrive()
    for update in (first, second):
        expected = {rect: encode(PIXELS[rect.y : rect.bottom, :256], rect, wire) for rect in RECTS}
        assert {encoded.rect: encoded for encoded in update._encoded} == expected
    assert sorted(first.lossy) == sorted(second.lossy) and bool(first.lossy) == (wire is JPEG)


def test_more_workers_share_too():
    workers = [Worker(desk).watch() for desk in desks(5)]
    updates = [worker.begin() for worker in workers]
    assert sum(worker.work() for worker in workers) == len(RECTS)
    assert not any(worker.arrive() for worker in workers)
    assert all(update.is_done for update in updates)


def test_without_viewers_of_the_class_elsewhere_nothing_is_shared():
    one, two = (Worker(desk) for desk in desks(2))
    two.watch(JPEG)
    update = one.begin()
    assert one.work() == len(RECTS) and update.is_done and not one.desk.count


@pytest.mark.parametrize(
    "wire, rects", [(RAW, RECTS), (ZRLE, [Rect(0, y, 64, 64) for y in range(0, 640, 64)])]
)
def test_what_is_cheap_is_made_by_everybody(wire, rects):
    one, two = pair()
    for worker in (one, two):
        worker.watch(wire)
        worker.begin(wire=wire, rects=rects)
        assert worker.work() == len(rects) and not worker.desk.count


@pytest.mark.parametrize(
    "other", [{"segment": 2}, {"generation": 2}], ids=["another segment", "another generation"]
)
def test_the_same_numbers_of_another_segment_mean_something_else(other):
    one, two = desks(2)
    one, two = Worker(one).watch(), Worker(two, **other).watch()
    for worker in (one, two):
        worker.begin()
        assert worker.work() == len(RECTS)


def test_another_epoch_or_class_is_another_rectangle():
    one, two = pair()
    for worker in (one, two):
        worker.watch(ZRLE, JPEG)
    one.begin(1), one.begin(1, JPEG), two.begin(2, base=0)
    one.work(), one.work(PATIENCE_S)
    assert two.work() == len(RECTS) and not two.counters.taken


def test_a_new_segment_forgets_what_was_shared():
    one, two = pair()
    one.begin(), two.begin()
    one.work(), two.work(), one.arrive()
    for worker in (one, two):
        worker.fanout.reset()
        worker.sharing.begin(2, 2)
        worker.watch()
    one.begin(base=0), two.begin(base=0)
    assert one.work() == len(RECTS) and not two.work(), "made anew, once"


# -- waiting


def test_progress_is_told_of_what_watchers_get_and_goes_forward_alone():
    one = Worker(desks(2)[0]).watch()
    interest = one.sharing._class(ZRLE).interest
    for epoch, base, told in ((5, 1, 5), (3, 1, 5), (9, 0, 5), (6, 1, 6)):
        one.begin(epoch, base=base)
        assert one.desk.progress(interest) == told
    one.watch(ZRLE, JPEG)
    assert one.desk.progress(interest) == 6 and len(one.desk.interests) == 2


def test_another_segment_begins_with_nothing_known_of_anybody():
    one = Worker(desks(2)[0]).watch()
    interest = one.sharing._class(ZRLE).interest
    one.begin(5)
    one.sharing.reliance.waited_in_vain(1, ZRLE, 0.0, is_at_it=False)
    one.sharing.begin(2, 1)
    assert not one.desk.interests and one.sharing.reliance.counts_on(1, ZRLE, 0.0)
    one.watch()
    (other,) = one.desk.interests
    assert other != interest and one.desk.progress(other) == 0


def test_who_ends_waits_for_nobody_and_wants_nothing():
    first, second = (Worker(desk).watch() for desk in desks(2))
    first.begin()
    second.begin()
    first.work()
    assert first.desk.waiting and first.desk.interests
    first.sharing.end()
    assert not first.desk.waiting and not first.desk.interests


def test_who_hangs_is_waited_for_once_and_not_long():
    one, _ = pair()
    update = one.begin(now=10.0)
    made = one.work(10.0)
    assert 0 < made < len(RECTS) and one.desk.waiting
    assert one.fanout.awaits_until == 10.0 + PATIENCE_S
    assert one.work(10.0 + PATIENCE_S) == len(RECTS) - made
    assert update.is_done and one.counters.vain_waits == 1 and not one.desk.waiting
    again = one.begin(2, now=10.1 - DISTRUST_S)
    one.work(10.1 - DISTRUST_S)
    assert again.is_done, "it is not counted on"


def test_who_is_late_with_what_it_is_at_is_counted_on_for_a_while():
    one, two = pair()
    for epoch in range(1, 9):
        now = epoch / 30
        one.begin(epoch, now=now), two.begin(epoch, now=now)
        one.work(now)
        assert one.fanout.is_busy == (epoch <= LATE_TIMES + 1), epoch
        one.work(now + PATIENCE_S), two.work(now + PATIENCE_S)
        one.fanout.advance(), two.fanout.advance()
    assert one.counters.vain_waits == LATE_TIMES + 1


def test_an_update_that_nobody_wants_any_more_is_not_waited_for():
    one, _ = pair()
    update = one.begin()
    one.work()
    assert one.desk.waiting
    one.fanout.drop(update)
    one.fanout.arrived()
    assert not one.desk.waiting and not one.fanout.is_busy


def test_distrust_doubles_and_ends():
    one, two = pair()
    now, waits = 10.0, []
    for epoch in range(1, 400):
        one.begin(epoch, now=now)
        one.work(now)
        if one.fanout.is_busy:
            waits.append(now)
            one.work(now + PATIENCE_S)
        one.fanout.advance()
        now += 1 / 30
    assert 6 <= len(waits) <= 14, "in 13 seconds"
    two.begin(400), one.begin(400, now=now + 10)
    two.work(), one.work(now + 10)
    assert one.counters.taken and not one.fanout.is_busy


def test_who_has_something_newer_to_do_is_not_waited_for():
    one, two = pair()
    two.begin(7)
    update = one.begin(6)
    assert one.work() == len(RECTS) and update.is_done and not one.counters.vain_waits


def test_what_came_extends_the_wait_by_what_it_saved():
    one, two = pair()
    one.sharing.reliance.learn(ZRLE, RECTS[0].area, 0.003)
    one.begin(), two.begin()
    one.sharing.reliance._paces[ZRLE] = 0.003 / RECTS[0].area
    while one.fanout.awaits_until < 0:
        one.fanout.step(PIXELS, 0.0)
        one.fanout.arrived() if one.fanout.awaits_until < 0 else None
    assert one.fanout.awaits_until == PATIENCE_S
    two.fanout.step(PIXELS, 0.0)
    one.arrive(0.003)
    assert one.fanout.awaits_until == pytest.approx(PATIENCE_S + 0.003)


def test_who_joins_waits_for_nobody_but_takes_what_there_is():
    one, two = pair()
    joiner = one.begin(base=0)
    assert one.work() == len(RECTS) and joiner.is_done
    two.begin(base=0)
    assert two.work() == 0 and two.counters.taken == len(RECTS)


def test_other_updates_go_on_meanwhile():
    one, _ = pair()
    awaited, small = one.begin(), one.begin(2, rects=RECTS[:1], base=0, now=0.001)
    own = one.work(0.001)
    assert small.is_done and not awaited.is_done and own >= 1
    late = one.begin(3, RAW, now=0.002)
    assert one.fanout.awaits_until < 0, "there is something to do again"
    one.work(0.002)
    assert late.is_done and not awaited.is_done


def test_what_is_put_while_one_lies_down_to_wait_is_seen():
    one, two = pair()
    one.begin(), two.begin()

    def put_meanwhile(who, waits):
        if waits:
            two.work()

    one.desk.set_waiting = put_meanwhile
    one.work()
    assert not one.fanout.is_busy


@given(st.integers(0, 600), st.binary(max_size=30))
@settings(max_examples=40, deadline=None)
def test_nonsense_from_another_is_not_passed_on(number, data):
    one, two = pair()
    good = encode(PIXELS[:64], RECTS[0], ZRLE).data
    for bad in (data, good[:8] + data, encode(PIXELS[:64], RECTS[1], ZRLE).data):
        two.desk.chunks[one.sharing._key(Piece(RECTS[0], 1), ZRLE)] = number, bad
        found = one.sharing.find(Piece(RECTS[0], 1), ZRLE)
        assert found is None or found[1].rect == RECTS[0]
    two.desk.chunks[one.sharing._key(Piece(RECTS[0], 1), ZRLE)] = 77, good
    assert one.sharing.find(Piece(RECTS[0], 1), ZRLE) is None


# -- whole workers, with viewers


class Copy:
    """A worker's own copy of a screen, as new as its last `take`."""

    def __init__(self, source: PaintedScreen) -> None:
        self._source = source
        self.width, self.height, self.generation = source.width, source.height, source.generation
        self.tiles = TileTable(source.width, source.height)
        self.move = None
        self.take()

    def take(self) -> None:
        self.pixels, self.frame = self._source.pixels.copy(), self._source.frame
        self.tiles.assign(self._source.tiles)


class House:
    """Workers with viewers in front of one screen; frames pass a worker by as told."""

    def __init__(self, workers: int, pixels) -> None:
        self.screen = PaintedScreen(pixels)
        self.copies = [Copy(self.screen) for _ in range(workers)]
        self.stages = [Stage(copy) for copy in self.copies]
        for stage, desk in zip(self.stages, desks(workers), strict=True):
            stage.broadcast.fanout.sharing = Sharing(desk)
            stage.broadcast.fanout.sharing.begin(1, 1)

    def paint(self, rect: Rect, pixels) -> None:
        self.screen.paint(rect, pixels)

    def take(self, *which: bool) -> None:
        for copy, stage, takes in zip(self.copies, self.stages, which, strict=True):
            if takes and stage.broadcast.may_advance(stage.now):
                copy.take()
                stage.broadcast.advance()
                stage.broadcast.look(stage.now)

    def settle(self) -> None:
        for stage in self.stages * 3:
            stage.broadcast.fanout.arrived()
            stage.settle()
        for stage in self.stages:
            stage.now += 2 * PATIENCE_S
            stage.settle()

    @property
    def taken(self) -> int:
        return sum(stage.broadcast.fanout.counters.taken for stage in self.stages)


steps = st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans())


@given(st.lists(steps, max_size=8))
@settings(max_examples=10, deadline=None)
def test_viewers_of_all_workers_see_every_pixel(steps):
    house = House(2, noise(512, 256))
    viewers = [
        stage.join(encoding) for stage in house.stages for encoding in (Encoding.ZRLE, Encoding.HEXTILE)
    ]
    for viewer in viewers:
        viewer.viewer.request(False)
    house.settle()
    for seed, (column, row, settles, *takes) in enumerate(steps):
        rect = Rect(128 * column, 64 * row, 512 - 128 * column, 256 - 64 * row)
        for viewer in viewers:
            viewer.viewer.request()
        house.paint(rect, noise(rect.width, rect.height, seed))
        house.take(*takes)
        if settles:
            house.settle()
        else:
            house.stages[seed % 2].settle()
    house.settle()
    house.take(True, True)
    for viewer in viewers:
        viewer.viewer.request()
    house.settle()
    assert all(np.array_equal(viewer.viewer.rgb(), house.screen.pixels) for viewer in viewers)


def test_what_rests_is_refreshed_by_all_together():
    picture = noise(512, 512)
    house = House(2, picture)
    viewers = [stage.join(Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + 6) for stage in house.stages]
    for viewer in viewers:
        viewer.viewer.request(False)
    house.settle()
    for stage, viewer in zip(house.stages, viewers, strict=True):
        viewer.viewer.request()
        stage.broadcast.fanout.sharing.keep({viewer.session.wire, viewer.session.exact})
    house.settle()
    house.paint(Rect(0, 0, 512, 512), 0x00FF00FF ^ picture)
    house.take(True, True)
    for _ in range(20):
        house.settle()
        for stage, viewer in zip(house.stages, viewers, strict=True):
            stage.now += 0.1
            stage.broadcast.look(stage.now)
            viewer.viewer.request()
    exact = viewers[0].session.exact
    pixels = [stage.broadcast.fanout.counters.pixels.get(exact, 0) for stage in house.stages]
    assert all(np.array_equal(viewer.viewer.rgb(), house.screen.pixels) for viewer in viewers)
    assert sum(pixels) < 1.5 * 512 * 512, "not both of them made all"
    assert house.taken > 4
