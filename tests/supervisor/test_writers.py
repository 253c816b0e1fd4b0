from __future__ import annotations

import os

import pytest

from mpvnc.errors import ControlError
from mpvnc.supervisor.segments import Numbering, Segments
from mpvnc.supervisor.writers import Writers


class Ears:
    """Keeps the messages it is sent."""

    def __init__(self):
        self.heard = []

    def __call__(self, message, fds):
        self.heard.append((message["type"], message.get("state"), message.get("name"), len(fds)))


@pytest.fixture
def parts():
    encoders = Ears()
    writers = Writers(Segments(Numbering(f"test-writers-{os.getpid()}")), encoders, "")
    yield writers, encoders, Ears()
    writers.close()


def published(writers, answer):
    writers.said({"type": "allocate", "width": 64, "height": 32}, answer)
    writers.said({"type": "published", "generation": 1}, answer)


def test_the_writer_gets_the_segment_and_encoders_when_it_is_published(parts):
    writers, encoders, answer = parts
    writers.said({"type": "allocate", "width": 64, "height": 32}, answer)
    assert answer.heard == [("segment", None, None, 1)] and encoders.heard == []
    writers.said({"type": "published", "generation": 1}, answer)
    assert encoders.heard == [("segment", None, None, 1), ("source", "up", "", 0)]


def test_a_new_encoder_hears_what_there_is(parts):
    writers, _, answer = parts
    late = Ears()
    writers.welcome(late)
    assert late.heard == [("source", "down", "", 0)]
    published(writers, answer)
    late = Ears()
    writers.welcome(late)
    assert late.heard == [("segment", None, None, 1), ("source", "up", "", 0)]


def test_only_changes_are_told(parts):
    writers, encoders, answer = parts
    for _ in range(2):
        writers.said({"type": "source", "state": "down", "reason": "no display", "backend": "x11"}, answer)
    assert encoders.heard == [("source", "down", "", 0)]
    assert (writers.source.backend, writers.source.reason) == ("x11", "no display")


def test_a_writer_that_went_leaves_the_last_frame(parts):
    writers, encoders, answer = parts
    published(writers, answer)
    writers.said({"type": "allocate", "width": 100, "height": 100}, answer)
    writers.went("it crashed")
    assert encoders.heard[-1] == ("source", "down", "", 0)
    assert writers.generation.number == 1
    with pytest.raises(ControlError):
        writers.said({"type": "published", "generation": 2}, answer)


def test_names(parts):
    writers, encoders, answer = parts
    writers.said({"type": "source", "name": "one"}, answer)
    writers.said({"type": "notice", "notice": "desktop_name", "name": "two"}, answer)
    assert writers.source.name == "two"
    assert encoders.heard[-1] == ("notice", None, "two", 0)


def test_a_configured_name_holds_until_a_program_changes_it(parts):
    _, encoders, answer = parts
    writers = Writers(Segments(Numbering("test-unused")), encoders, "configured")
    writers.said({"type": "source", "name": "one", "backend": "x"}, answer)
    writers.came("title", view_only=True)
    assert (writers.source.name, writers.source.view_only) == ("configured", True)
    writers.said({"type": "notice", "notice": "desktop_name", "name": "two"}, answer)
    assert writers.source.name == "two"


def test_unknown_messages_are_not_its_own(parts):
    writers, _, answer = parts
    assert not writers.said({"type": "client"}, answer)


def test_another_configured_name_holds_and_without_one_the_source_has_its_own_back(parts):
    writers, encoders, answer = parts
    published(writers, answer)
    writers.said({"type": "source", "name": "Fake"}, answer)
    del encoders.heard[:]
    writers.rename("")
    assert encoders.heard == []
    writers.rename("Stage")
    writers.said({"type": "source", "name": "Other"}, answer)
    assert encoders.heard == [("source", "up", "Stage", 0)]
    writers.rename("")
    assert encoders.heard[1:] == [("source", "up", "Other", 0)]


def test_how_the_source_stands_is_logged_in_whole_lines(parts, caplog):
    caplog.set_level("INFO", "mpvnc.supervisor.writers")
    writers, _, answer = parts
    published(writers, answer)
    writers.went("the capture process ended")
    assert caplog.messages[-2:] == ["source is up", "source is down: the capture process ended"]


def test_a_clipboard_goes_to_encoders_now_and_later(parts):
    writers, _, answer = parts
    got = []

    def encoders(message, fds):
        got.append((message["type"], message.get("notice"), [os.pread(fd, 9, 0) for fd in fds]))

    writers._broadcast = encoders
    for text in (b"one", b"two"):
        fd = os.memfd_create("clipboard")
        os.write(fd, text)
        assert writers.said({"type": "clipboard"}, answer, [fd])
        os.close(fd)
    assert got == [("notice", "clipboard", [b"one"]), ("notice", "clipboard", [b"two"])]
    got.clear()
    writers.welcome(encoders)
    assert got[-1] == ("notice", "clipboard", [b"two"])


def test_a_clipboard_without_its_memory_is_refused(parts):
    writers, _, answer = parts
    with pytest.raises(ControlError, match="0 descriptors"):
        writers.said({"type": "clipboard"}, answer)
