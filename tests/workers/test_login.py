"""A turn to be judged and a user's password, with a verifier that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from mpvnc.errors import ProtocolError
from mpvnc.rfb.events import Credentials
from mpvnc.rfb.security import Access
from mpvnc.workers.login import KEPT_BYTES, Login


class Verifier:
    """Keeps who is asked about."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.asked: list[tuple[str, str]] = []
        self.answer: Callable[[Access], None] = lambda access: None
        self.lookup: asyncio.Future[Access] = self.loop.create_future()

    def verify(
        self, _address: str, user: str, password: str, then: Callable[[Access], None]
    ) -> asyncio.Future[Access]:
        self.asked.append((user, password))
        self.answer = then
        return self.lookup


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    verifier = Verifier()
    yield verifier
    verifier.loop.close()


def make(verifier: Verifier, *, is_due: bool) -> tuple[Login, list[Access]]:
    told: list[Access] = []
    return Login(verifier, "192.0.2.1", told.append, is_due=is_due), told  # type: ignore[arg-type]


def test_an_answer_is_kept_until_its_turn_and_given_back_once(verifier: Verifier) -> None:
    login, _ = make(verifier, is_due=False)
    login.withhold(b"ans")
    login.withhold(b"wer")
    assert not login.is_due
    assert login.be_due() == b"answer"
    assert login.is_due and login.be_due() == b""


def test_no_more_than_an_answer_is_kept(verifier: Verifier) -> None:
    login, _ = make(verifier, is_due=False)
    login.withhold(bytes(KEPT_BYTES))
    with pytest.raises(ProtocolError, match="turn"):
        login.withhold(b"\0")


@pytest.mark.parametrize("is_due", [True, False])
def test_a_user_is_looked_up_once_when_it_is_due(verifier: Verifier, is_due: bool) -> None:
    login, told = make(verifier, is_due=is_due)
    login.verify(Credentials("alice", "a"))
    assert len(verifier.asked) == is_due
    login.be_due()
    login.be_due()
    assert verifier.asked == [("alice", "a")]
    verifier.answer(Access.VIEW_ONLY)
    assert (told, login.user) == ([Access.VIEW_ONLY], "alice")


def test_who_is_denied_has_no_name(verifier: Verifier) -> None:
    login, told = make(verifier, is_due=True)
    login.verify(Credentials("alice", "b"))
    verifier.answer(Access.DENIED)
    assert (told, login.user) == ([Access.DENIED], "")


def test_who_left_is_looked_up_no_more(verifier: Verifier) -> None:
    login, _ = make(verifier, is_due=True)
    login.close()
    login.verify(Credentials("alice", "a"))
    login.close()
    assert verifier.lookup.cancelled()
