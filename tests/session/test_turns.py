"""Which classes are at full rate, and what the others get."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings import encode
from mpvnc.encodings.wire import intern
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE, PixelFormat
from mpvnc.session.broadcast import Broadcast
from mpvnc.session.turns import MAX_CLASSES, SHARE, START_S, Turns
from tests.session.stage import PaintedScreen, Stage, noise

CLASSES = [
    intern(encoding, encoding, NATIVE, quality, bucket)
    for encoding in (Encoding.TIGHT, Encoding.ZRLE, Encoding.ZLIB)
    for quality in (None, *range(10))
    for bucket in range(3)
    if quality is None or encoding is Encoding.TIGHT
]
ASKS_FOR_ALL = bytes((3, 0, 0, 0, 0, 0, 0, 128, 0, 128))


def ranked() -> Turns:
    turns = Turns()
    turns.rank(Counter({wire: 2 for wire in CLASSES[:MAX_CLASSES]}))
    return turns


def spent() -> Turns:
    """Nobody has a turn before time 0.1."""
    turns = ranked()
    turns.look(0.0)
    turns._saved_s = 0.0
    return turns


def test_few_classes_are_all_at_full_rate():
    turns = Turns()
    assert all(turns.admits(wire, 1.0, wire) for wire in CLASSES[:MAX_CLASSES])
    assert turns.look_at == float("inf")


def test_those_with_most_sessions_are_at_full_rate():
    turns = Turns()
    turns.rank(Counter({wire: number for number, wire in enumerate(CLASSES[:20])}))
    assert turns.full == set(CLASSES[20 - MAX_CLASSES : 20])
    turns.rank(Counter(dict.fromkeys(CLASSES[:20], 1)))
    assert turns.full == set(CLASSES[20 - MAX_CLASSES : 20]), "equals do not change places"


def test_the_others_take_turns():
    turns, others, served = ranked(), CLASSES[MAX_CLASSES : MAX_CLASSES + 5], []
    for step in range(400):
        now = step * 0.01
        for wire in others:
            if turns.admits(wire, now, wire):
                served.append(wire)
                turns.spent(wire, 0.05)
                turns.served(wire)
    counts = Counter(served)
    assert set(counts) == set(others) and max(counts.values()) - min(counts.values()) <= 1


def test_a_turn_that_nobody_takes_passes():
    turns, (gone, stays) = spent(), CLASSES[MAX_CLASSES : MAX_CLASSES + 2]
    assert not turns.admits(gone, 0.0, gone) and not turns.admits(stays, 0.0, stays)
    assert turns.look(turns.look_at + 0.01), "gone has it"
    assert turns.look(turns.look_at + 0.01), "stays has it"
    assert turns.admits(stays, 1.0, stays)


def test_who_asks_in_ever_new_classes_has_one_turn_to_come():
    turns, honest = spent(), CLASSES[MAX_CLASSES]
    for wire in CLASSES[MAX_CLASSES + 1 :]:
        assert not turns.admits(wire, 0.0, "fickle")
    assert not turns.admits(honest, 0.0, "honest")
    for _ in range(2):
        assert turns.look(turns.look_at)
    assert turns.admits(honest, turns._at, "honest")


def test_who_leaves_has_no_turn_to_come():
    turns, (gone, shared, stays) = spent(), CLASSES[MAX_CLASSES : MAX_CLASSES + 3]
    for wire, who in ((gone, "gone"), (shared, "gone too"), (shared, "here"), (stays, "here too")):
        assert not turns.admits(wire, 0.0, who)
    for who in ("gone", "gone too", "never waited"):
        turns.leave(who)
    assert turns.look(turns.look_at) and turns.admits(shared, turns._at, "here")


def test_an_update_that_takes_long_is_paid_off():
    turns, wire = ranked(), CLASSES[MAX_CLASSES]
    turns.look(0.0)
    assert turns.admits(wire, 0.0, wire)
    turns.spent(wire, 1.0)
    turns.served(wire)
    assert not turns.admits(wire, 0.1, wire)
    assert turns.look_at > 0.1
    assert not turns.admits(wire, (1.0 + START_S) / SHARE - 0.6, wire)
    assert turns.admits(wire, (1.0 + START_S) / SHARE + 0.1, wire)


class Clocked(Stage):
    """A stage on which encoding takes time."""

    SLICE_S = 0.002

    def __init__(self, screen: PaintedScreen) -> None:
        super().__init__(screen)
        self.spent: Counter[object] = Counter()
        self.broadcast = Broadcast(self._encode)
        self.broadcast.show(screen)
        self.broadcast.look(self.now)

    def _encode(self, pixels, rect, wire):
        self.now += self.SLICE_S
        self.spent[wire] += self.SLICE_S
        return encode(pixels, rect, wire)

    def step(self) -> bool:
        began, stepped = self.now, super().step()
        if stepped:
            self.broadcast.spent(self.now - began)
            self.broadcast.look(self.now)
        return stepped


def test_odd_settings_buy_a_fifth_of_the_time_and_nobody_starves():
    stage = Clocked(PaintedScreen(noise(128, 128)))
    crowd, odd = CLASSES[:MAX_CLASSES], CLASSES[MAX_CLASSES : MAX_CLASSES + 20]
    pairs = []
    for wire in [*crowd, *crowd, *odd]:
        level = () if wire.quality is None else (Encoding.JPEG_QUALITY_LEVEL_0 + wire.quality,)
        compression = Encoding.COMPRESSION_LEVEL_0 + 3 * wire.compression
        pairs.append(stage.join(wire.encoding, *level, compression))
    assert len({pair.session.wire for pair in pairs}) == MAX_CLASSES + 20
    stage.broadcast.rank(Counter(pair.session.wire for pair in pairs))
    for pair in pairs:
        pair.viewer.request(incremental=False)
    stage.settle()
    full = stage.broadcast._turns.full
    late = pairs[-1].session
    late.judge(stage.now, stage.broadcast.shown, None)
    began, stage.spent = stage.now, Counter()
    frames, got = 0, [pair.session.picture.frames for pair in pairs]
    while stage.now < began + 8:
        stage.rest(0.03)
        for pair in pairs:
            pair.viewer.request()
        stage.paint(Rect(0, 0, 128, 128), noise(128, 128, frames))
        frames += 1
    odd_s = sum(seconds for wire, seconds in stage.spent.items() if wire not in full)
    assert 0.1 < odd_s / (stage.now - began) <= SHARE + 0.02
    for before, pair in zip(got, pairs, strict=True):
        share = (pair.session.picture.frames - before) / frames
        assert share > 0.9 if pair.session.wire in full else 0 < share < 0.9
    late.judge(stage.now, stage.broadcast.shown, None)
    assert late.limits().limited_by == "policy"


def test_the_refresh_of_those_at_full_rate_takes_nothing_from_the_others():
    stage = Clocked(PaintedScreen(noise(128, 128)))
    pair = stage.join(Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0)
    stage.broadcast.rank({pair.session.wire: 1})
    pair.viewer.request(incremental=False)
    stage.settle()
    stage.rest(1.0)
    saved_s, began = stage.broadcast._turns._saved_s, stage.now
    pair.viewer.request()
    stage.settle()
    assert np.array_equal(pair.viewer.rgb(), stage.screen.pixels) and stage.now > began
    assert stage.broadcast._turns._saved_s >= saved_s


def test_a_session_that_changes_its_class_again_and_again_keeps_nobody_waiting():
    stage = Clocked(PaintedScreen(noise(128, 128)))
    fickle, honest = stage.join(Encoding.ZRLE), stage.join(Encoding.HEXTILE)
    stage.broadcast.rank(dict.fromkeys(CLASSES[:MAX_CLASSES], 2))
    for shift in range(100):
        odd = PixelFormat(32, 24, shift % 2 == 0, True, 255, 255, 1 + shift, 16, 8, 0)
        fickle.session.receive_data(bytes(4) + odd.to_bytes() + ASKS_FOR_ALL, stage.now)
        fickle.advance()
    stage.pairs.remove(fickle)
    honest.viewer.request(incremental=False)
    stage.rest(0.5)
    assert np.array_equal(honest.viewer.rgb(), stage.screen.pixels)
    stage.broadcast.leave(fickle.session)
    stage.broadcast.leave(honest.session)
    assert not stage.broadcast._turns._waiting


def test_a_class_that_waits_still_sees_the_end():
    stage = Clocked(PaintedScreen(noise(128, 128)))
    pairs = [
        stage.join(
            Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + level, Encoding.COMPRESSION_LEVEL_0 + bucket
        )
        for level in range(10)
        for bucket in (0, 9)
    ]
    for pair in pairs:
        pair.viewer.request(incremental=False)
    stage.settle()
    for _ in range(60):
        for pair in pairs:
            pair.viewer.request()
        stage.rest(0.1)
    assert all(np.array_equal(pair.viewer.rgb(), stage.screen.pixels) for pair in pairs)
