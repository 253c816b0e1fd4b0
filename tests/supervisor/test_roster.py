from __future__ import annotations

import pytest

from mpvnc.config import Clients
from mpvnc.supervisor.admission import Admission
from mpvnc.supervisor.policy import ENCODER, Child
from mpvnc.supervisor.roster import ANSWER_S, CLIENTS_PER_MESSAGE, Roster

ASKER = "asker"


class Crew:
    """Encoders that run unless they are in `dead`; keeps what they are sent."""

    def __init__(self):
        self.encoders = [Child(ENCODER, slot) for slot in range(3)]
        self.dead = set()
        self.asked = []

    def pid(self, child):
        return None if child.slot in self.dead else 1

    def send(self, child, message):
        self.asked.append((child.slot, message))


class Stage:
    def __init__(self):
        self.crew = Crew()
        self.admission = Admission(Clients())
        self.sent = []
        self.roster = Roster(self.crew, self.admission, lambda peer, message: self.sent.append(message))

    def answer(self, slot, *clients, request=1, more=False):
        told = [{"client": client} for client in clients]
        message = {"type": "clients", "request": request, "clients": told, "more": more}
        assert self.roster.said(self.crew.encoders[slot], message)

    def clients(self):
        return [client["client"] for message in self.sent for client in message["clients"]]

    def end(self):
        """What the last message says: None as long as there is more."""
        return None if not self.sent or self.sent[-1]["more"] else self.sent[-1]["silent_workers"]


@pytest.fixture
def stage():
    return Stage()


def test_all_answers_are_passed_on_and_the_last_one_ends_it(stage):
    stage.crew.dead = {2}
    stage.roster.ask(ASKER, 0.0)
    assert stage.crew.asked == [(slot, {"type": "clients", "request": 1}) for slot in (0, 1)]
    stage.answer(0, 1, 2, more=True)
    stage.answer(1, 5)
    stage.answer(0, 3)
    assert stage.clients() == [1, 2, 5, 3] and stage.end() == []
    assert stage.roster.next_time() == float("inf")


def test_a_hung_encoder_is_named_and_its_clients_come_from_the_ledger(stage):
    for client in range(1, 2 * CLIENTS_PER_MESSAGE + 2):
        stage.admission.handed_over(client, "10.0.0.1", client % 2, refused=False)
    stage.roster.ask(ASKER, 10.0)
    stage.answer(0, *range(2, 2 * CLIENTS_PER_MESSAGE + 2, 2))
    stage.answer(1, 1, more=True)
    stage.answer(2)
    stage.roster.act(10.0 + ANSWER_S / 2)
    assert stage.end() is None and stage.roster.next_time() == 10.0 + ANSWER_S <= 11.0
    stage.roster.act(10.0 + ANSWER_S)
    assert stage.end() == [1]
    assert sorted(stage.clients()) == list(range(1, 2 * CLIENTS_PER_MESSAGE + 2))
    stage.answer(1, 3)
    assert stage.end() == [1], "too late"


def test_an_encoder_that_ends_has_nothing_to_tell(stage):
    stage.roster.ask(ASKER, 0.0)
    stage.answer(0)
    stage.answer(1, 4)
    stage.roster.encoder_ended(stage.crew.encoders[2])
    assert stage.clients() == [4] and stage.end() == []


def test_without_encoders_there_is_an_answer(stage):
    stage.crew.dead = {0, 1, 2}
    stage.roster.ask(ASKER, 0.0)
    assert stage.end() == []


def test_who_left_is_sent_nothing(stage):
    stage.roster.ask(ASKER, 0.0)
    stage.roster.left(ASKER)
    stage.answer(0, 1)
    stage.roster.act(99.0)
    assert stage.sent == []


def test_other_words_are_not_its_business(stage):
    assert not stage.roster.said(stage.crew.encoders[0], {"type": "client"})
