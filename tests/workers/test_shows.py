"""An encoder with several surfaces: who sees which, who waits, and where input goes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mpvnc.config import Secrets, from_dict
from mpvnc.constants import Encoding
from mpvnc.frames.audience import shown
from mpvnc.frames.layout import W_NEWEST
from mpvnc.frames.pointer import pointer_page_bytes
from mpvnc.frames.store import create_frame_segment
from mpvnc.frames.writer import FrameWriter
from mpvnc.ipc.parcels import make_parcel
from mpvnc.metrics import Counter, StatusPage, create_status_page
from mpvnc.pixels import Pixels
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import KeyInput, surface_of, unpack
from mpvnc.session.sharing import Sharing
from mpvnc.supervisor import arenas as supervisor
from mpvnc.workers.arenas import Arenas
from tests.session.stage import noise
from tests.support.client import Client
from tests.support.handshake import HandshakeChoices
from tests.workers.test_encoder import Worker

LEFT, RIGHT = noise(100, 80, 1), noise(120, 60, 2)


class Stage(Worker):
    """A worker whose supervisor has named surfaces."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, from_dict({}), Secrets())
        self.pages: dict[str, StatusPage] = {}
        self._numbers: dict[str, int] = {}

    def draw(self, name: str, pixels: Pixels, number: int | None = None) -> FrameWriter:
        """Publish the first frame of a surface's new generation."""
        number = number or self._numbers.setdefault(name, len(self._numbers) + 1)
        height, width = pixels.shape
        generation = len(self.writers) + 1
        segment = create_frame_segment(f"mpvnc-test-{os.getpid()}-{generation}", width, height)
        segment.unlink()
        self.writers.append(FrameWriter(segment.fd, generation, width, height, 1))
        self.writers[-1].publish_pixels(pixels)
        pointer, page = os.memfd_create("pointer"), create_status_page(4)
        os.ftruncate(pointer, pointer_page_bytes())
        message = {"type": "segment", "generation": generation, "width": width, "height": height}
        named = {**message, "first_frame": 1, "surface": name, "number": number}
        self.control.send(named, [segment.fd, pointer, page])
        self.pages[name] = StatusPage(page, 4)
        segment.close()
        for fd in (pointer, page):
            os.close(fd)
        return self.writers[-1]

    def tell(self, first: str, *names: str) -> None:
        self.control.send({"type": "surfaces", "names": [*names] or [first], "first": first})

    def come(self, surface: str = "", client: int = 0) -> Client:
        """Connect a viewer at a listener of a surface."""
        ours, theirs = socket.socketpair()
        ident = client or len(self.viewers) + 1
        message = {"type": "adopt", "client": ident, "address": "here", "judge_after_s": 0.0}
        self.control.send({**message, "verdict": "serve", "surface": surface}, [theirs.fileno()])
        theirs.close()
        self.viewers.append(Client(ours, HandshakeChoices()))
        self.run(lambda: ident in self.encoder._clients)
        return self.viewers[-1]

    def shows(self, viewer: Client, pixels: Pixels) -> bool:
        """Let it ask for everything; whether that is what it sees."""
        self.run(lambda: viewer.viewer.ready)
        viewer.request(False)
        self.run(lambda: viewer.viewer.updates)
        return np.array_equal(viewer.viewer.rgb(), pixels)

    def leave(self, viewer: Client) -> None:
        self.viewers.remove(viewer)
        viewer.close()

    def where(self, client: int) -> str:
        return self.encoder._clients[client].surface


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path)
    yield one
    one.close()
    for page in one.pages.values():
        page.close()


def test_each_viewer_sees_its_surface_and_the_others_the_first(stage: Stage) -> None:
    stage.draw("left", LEFT)
    writer = stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    stage.control.send(
        {"type": "source", "state": "up", "name": "Right", "view_only": False, "surface": "right"}
    )
    any_one, left, right = stage.come(), stage.come("left"), stage.come("right")
    assert stage.shows(any_one, LEFT) and stage.shows(left, LEFT) and stage.shows(right, RIGHT)
    assert (left.viewer.name, right.viewer.name) == ("mpvnc", "Right")
    assert [stage.where(client) for client in (1, 2, 3)] == ["left", "left", "right"]
    right.request()
    writer.publish_pixels(noise(120, 60, 3))
    stage.ring()
    stage.run(lambda: stage.sees(right, noise(120, 60, 3)))
    assert stage.sees(left, LEFT)
    viewers = {name: page.slot(0).get(Counter.CLIENTS) for name, page in stage.pages.items()}
    assert viewers == {"left": 2, "right": 1}


def test_who_comes_early_gets_the_first_or_waits_for_its_own(stage: Stage) -> None:
    any_one, right = stage.come(), stage.come("right")
    stage.draw("left", LEFT)
    stage.tell("left")
    assert stage.shows(any_one, LEFT) and not right.viewer.ready
    assert (stage.where(1), stage.where(2)) == ("left", "right")
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    assert stage.shows(right, RIGHT)
    assert any(one["type"] == "client" and one["client"] == 2 for one in stage.said)


def test_input_tells_its_surface(stage: Stage) -> None:
    early = stage.come("right")
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    any_one = stage.come()
    for viewer, key in ((early, 97), (any_one, 98)):
        stage.run(lambda viewer=viewer: viewer.viewer.ready)
        viewer.send_key(True, key)
    stage.leave(any_one)
    heard: list[bytes] = []
    stage.run(lambda: heard.extend(stage.bus.receive_all()) or len(heard) == 5)
    keys = {unpack(one).keysym: surface_of(one) for one in heard if isinstance(unpack(one), KeyInput)}
    assert keys == {97: 2, 98: 1}
    assert sorted((unpack(one).client, surface_of(one)) for one in heard) == [(1, 2)] * 2 + [(2, 1)] * 3


def test_a_segment_that_cannot_be_read_any_more_stops_no_other_surface(stage: Stage, caplog) -> None:
    broken, sound = stage.draw("left", LEFT), stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    left, right = stage.come("left"), stage.come("right")
    assert stage.shows(left, LEFT) and stage.shows(right, RIGHT)
    broken._words[W_NEWEST] = 2 << 2 | 3
    right.request()
    for seed in (3, 4):
        sound.publish_pixels(noise(120, 60, seed))
        stage.ring()
        stage.run(lambda seed=seed: stage.sees(right, noise(120, 60, seed)))
        right.request()
    assert caplog.text.count("the last frame stays") == 1 and stage.shows(left, LEFT)
    stage.draw("left", RIGHT)
    stage.run(lambda: stage.encoder.shows["left"].reader.width == 120)


def test_a_muted_surface_mutes_its_own_viewers(stage: Stage) -> None:
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    stage.control.send({"type": "source", "state": "up", "name": "", "view_only": True, "surface": "right"})
    for name in ("left", "right"):
        stage.come(name)
    assert [client.session.is_muted for client in stage.encoder._clients.values()] == [False, True]
    stage.encoder.shows.mute(True)
    assert all(client.session.is_muted for client in stage.encoder._clients.values())


def test_exclusive_access_is_to_a_surface(stage: Stage) -> None:
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    viewers = [stage.come(name) for name in ("left", "left", "right")]
    stage.run(lambda: all(viewer.viewer.ready for viewer in viewers))
    assert stage.told("client", client=3, state="authenticated", surface="right")
    stage.control.send({"type": "evict", "except": 2, "surface": "left", "reason": "alone"})
    stage.run(lambda: stage.told("client", client=1, state="gone"))
    assert sorted(stage.encoder._clients) == [2, 3]


def test_the_bell_rings_where_it_was_rung(stage: Stage) -> None:
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    left, right = stage.come("left"), stage.come("right")
    stage.run(lambda: left.viewer.ready and right.viewer.ready)
    stage.control.send({"type": "notice", "notice": "bell", "surface": "right"})
    stage.run(lambda: right.viewer.bells)
    assert not left.viewer.bells


def test_a_clipboard_is_its_surfaces_and_for_who_waited(stage: Stage) -> None:
    waiting = stage.come()
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    parcel = make_parcel(Clipboard("to the right").pack())
    stage.control.send({"type": "notice", "notice": "clipboard", "surface": "right"}, [parcel])
    os.close(parcel)
    stage.tell("right", "right", "left")
    left = stage.come("left")
    stage.run(lambda: waiting.viewer.cut_texts == ["to the right"] and left.viewer.ready)
    assert not left.viewer.cut_texts


def test_its_program_knows_what_its_viewers_were_sent(stage: Stage) -> None:
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    assert stage.shows(stage.come("right"), RIGHT)
    told = {name: shown([page.slot(0)]) for name, page in stage.pages.items()}
    assert told == {"left": (0, 0, 0), "right": (1, 1, 1)}


def test_nothing_is_opened_before_somebody_looks_nor_kept_when_it_is_over(stage: Stage) -> None:
    stage.draw("left", LEFT)
    stage.draw("right", RIGHT)
    stage.tell("left", "left", "right")
    shows = stage.encoder.shows
    stage.run(lambda: [one.reader for one in shows] == [None] * 3)
    right = stage.come("right")
    assert stage.shows(right, RIGHT) and shows["left"].reader is None
    stage.tell("left", "left")
    stage.run_for(0.05)
    assert stage.shows(right, RIGHT), "viewers stay with the last frame"
    stage.leave(right)
    stage.run(lambda: len(list(shows)) == 2)
    shows.write_counters()
    assert stage.status.slot(0).get(Counter.ENCODES) > 0, "what a closed one counted still counts"


def test_a_surface_that_nobody_published_is_forgotten_with_its_last_viewer(stage: Stage) -> None:
    waiting = stage.come("nowhere")
    assert len(list(stage.encoder.shows)) == 2
    stage.leave(waiting)
    stage.run(lambda: len(list(stage.encoder.shows)) == 1)


def test_a_name_taken_anew_has_another_number(stage: Stage) -> None:
    stage.draw("left", LEFT, number=1)
    stage.tell("left")
    viewer = stage.come("left")
    assert stage.shows(viewer, LEFT)
    stage.draw("left", RIGHT, number=5)
    stage.run(lambda: stage.pages["left"].slot(0).get(Counter.CLIENTS) == 1)
    viewer.send_key(True, 97)
    heard: list[bytes] = []
    stage.run(lambda: heard.extend(stage.bus.receive_all()) or len(heard) == 2)
    assert surface_of(heard[-1]) == 5


def test_each_surface_shares_with_other_workers_and_stops_when_it_goes(stage: Stage) -> None:
    made = supervisor.Arenas(2)
    for slot in (0, 1):
        message, fds = made.message(slot) or ({}, [])
        if slot == 0:
            stage.control.send(message, fds)
    colleague = Arenas(1, message["slots"], [os.dup(fd) for fd in fds])
    pictures = {"left": noise(256, 128, 1), "right": noise(256, 128, 2)}
    for name, picture in pictures.items():
        stage.draw(name, picture)
    stage.tell("left", "left", "right")
    words = {}
    for name, picture in pictures.items():
        viewer = stage.come(name)
        stage.run(lambda viewer=viewer: viewer.viewer.ready)
        viewer.set_encodings([Encoding.ZRLE])
        assert stage.shows(viewer, picture)
        reader = stage.encoder.shows[name].reader
        mine = Sharing(colleague)
        mine.begin(reader.identity, reader.generation)
        mine.keep({stage.encoder._clients[len(stage.viewers)].session.wire})
        (words[name],) = colleague._interests[mine]
    seen = colleague.others[0]
    stage.encoder.shows.judge()
    assert seen.progress(words["left"]) is not None and seen.progress(words["right"]) is not None
    stage.tell("left", "left")
    stage.leave(stage.viewers[1])
    stage.run(lambda: seen.progress(words["right"]) is None)
    assert seen.progress(words["left"]) is not None
    stage.encoder.shows.end()
    assert seen.progress(words["left"]) is None
    colleague.close()
    made.close()
