"""When a surface is read that tells nobody when it is drawn on."""

from __future__ import annotations

import threading
import time

import cairo
import pytest

from mpvnc.cairovnc.reader import SurfaceReader
from mpvnc.errors import PublishError
from mpvnc.frames.audience import Shown
from tests.support.waits import eventually


class Publication:
    """Counts what is published."""

    def __init__(self, surface):
        self.surface = surface
        self.published = []
        self.viewers = 0
        self.closed = False
        self.error = None

    def shown(self):
        return Shown(self.viewers, 0, 0)

    def change_surface(self, surface):
        self.surface = surface

    def publish_frame(self):
        if self.error is not None:
            raise self.error
        self.published.append((self.surface, time.monotonic()))


@pytest.fixture
def parts():
    surface, lock = cairo.ImageSurface(cairo.FORMAT_RGB24, 8, 8), threading.Lock()
    reader = SurfaceReader(surface, lock, lambda: 0.02)
    publication = Publication(surface)
    thread = threading.Thread(target=reader.run, args=(publication,))
    thread.start()
    yield reader, publication, lock
    reader.end()
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_is_read_while_nobody_looks(parts):
    reader, publication, _ = parts
    reader.nudge()
    eventually(lambda: publication.published)
    time.sleep(0.1)
    assert len(publication.published) == 1


def test_it_is_read_at_its_rate_while_somebody_looks(parts):
    _, publication, _ = parts
    publication.viewers = 1
    eventually(lambda: len(publication.published) > 5)
    times = [moment for _, moment in publication.published]
    assert times[5] - times[0] >= 0.08


def test_nudges_do_not_make_it_faster(parts):
    reader, publication, _ = parts
    publication.viewers = 1
    ends_at = time.monotonic() + 0.2
    while time.monotonic() < ends_at:
        reader.nudge()
        time.sleep(0.001)
    assert 1 <= len(publication.published) <= 12


def test_it_waits_for_the_lock_and_then_reads_what_is_new(parts):
    reader, publication, lock = parts
    new = cairo.ImageSurface(cairo.FORMAT_RGB24, 9, 9)
    with lock:
        reader.nudge()
        time.sleep(0.05)
        reader.change(new, lock)
        assert not publication.published
    eventually(lambda: publication.published)
    assert publication.published[0][0] is new


def test_a_surface_may_change_while_its_lock_is_held(parts):
    """Drawing, changing and unlocking as fast as it goes: nobody waits for ever."""
    reader, publication, lock = parts
    publication.viewers = 1
    ends_at, turns = time.monotonic() + 0.3, 0
    while time.monotonic() < ends_at:
        with lock:
            reader.change(cairo.ImageSurface(cairo.FORMAT_RGB24, 8 + turns % 3, 8), lock)
            reader.nudge()
        time.sleep(0.001)
        turns += 1
    assert turns > 50
    assert publication.published


def test_what_cannot_be_shown_is_told_once_and_tried_again(parts, caplog):
    reader, publication, _ = parts
    publication.error = PublishError("the surface cannot be read: finished")
    publication.viewers = 1
    eventually(lambda: "finished" in caplog.text)
    time.sleep(0.06)
    assert caplog.text.count("finished") == 1
    publication.error = None
    eventually(lambda: publication.published)
    assert reader.surface is publication.surface
