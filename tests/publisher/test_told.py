"""A server that comes back is told what was said before, and nothing that never was."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.errors import PublishError
from mpvnc.publisher.told import Told


class Listener:
    """A link that notes what it is told, and ends after some of it."""

    def __init__(self, ends_after: int = 99) -> None:
        self.heard: list[str] = []
        self.is_gone = False
        self._left = ends_after

    def _hear(self, what: str) -> None:
        if not self._left:
            self.is_gone = True
            raise PublishError("the server has stopped")
        self._left -= 1
        self.heard.append(what)

    def rename(self, name: str) -> None:
        self._hear(name)

    def point(self, cursor: object) -> None:
        self._hear(f"cursor {cursor}")

    def send_clipboard(self, packed: bytes) -> None:
        self._hear(packed.decode())

    def publish(self, pixels: np.ndarray, damage: object) -> None:
        self._hear(f"frame {pixels.shape} {damage}")


@pytest.fixture
def told() -> Told:
    one = Told()
    one.name, one.cursor, one.clipboard, one.frame = "stage", (None,), b"text", np.zeros((3, 4), np.uint32)
    return one


def test_everything_is_said_again_the_frame_last(told: Told) -> None:
    link = Listener()
    told.tell(link)  # type: ignore[arg-type]
    assert link.heard == ["stage", "cursor None", "text", "frame (3, 4) None"]


def test_what_was_never_said_is_not_said() -> None:
    link = Listener()
    Told().tell(link)  # type: ignore[arg-type]
    assert link.heard == []


def test_a_link_that_ends_meanwhile_is_no_error(told: Told) -> None:
    link = Listener(ends_after=2)
    told.tell(link)  # type: ignore[arg-type]
    assert link.heard == ["stage", "cursor None"] and link.is_gone
