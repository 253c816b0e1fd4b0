"""Limits, refusals, evictions and throttling. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mpvnc.config import Clients, Timeouts
from mpvnc.supervisor.admission import Admission, AuthThrottle
from mpvnc.supervisor.clients import ClientDesk
from mpvnc.supervisor.policy import ENCODER, Child
from tests.support.server import close_all, viewers
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def test_one_viewer_too_many_is_refused_until_another_leaves(start):
    server = start("clients.max_connections=2")
    idle = [server.connect() for _ in range(50)]
    first, second = viewers(server, 2)
    eventually(lambda: server.status()["clients"]["authenticated"] == 2)
    third = server.connect()
    hello = third.hello()
    assert (hello["verdict"], hello["reason"]) == ("refuse", "Too many viewers")
    assert third.read() == ""
    first.say("bye")
    eventually(lambda: server.status()["clients"]["authenticated"] == 1)
    fourth = server.connect()
    assert fourth.hello()["verdict"] == "serve"
    close_all([*idle, first, second, third, fourth])


def test_one_that_logs_in_too_late_is_evicted(start):
    server = start("clients.max_connections=1")
    early, late = server.connect(), server.connect()
    early.hello(), late.hello()
    early.say("login")
    eventually(lambda: server.status()["clients"]["authenticated"] == 1)
    late.say("login")
    assert late.read() == "evicted: Too many viewers\n"
    close_all([early, late])


def test_wrong_passwords_cost_the_address_more_and_more(start):
    server = start("security.auth_delay_s=0.5")
    delays = []
    for count in range(3):
        viewer = server.connect()
        viewer.hello()
        viewer.say("wrong")
        delays.append(viewer.hello()["delay_s"])
        eventually(lambda count=count: server.status()["auth_failures"] == count + 1)
        viewer.close()
    assert delays == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(("policy", "asker", "other"), [
    ("share", "", ""), ("evict", "", "evicted: Another"), ("refuse", "evicted: Exclusive", ""),
])  # fmt: skip
def test_exclusive_access(start, policy, asker, other):
    server = start(f"clients.when_not_shared={policy}")
    first, second = viewers(server, 2)
    eventually(lambda: server.status()["clients"]["authenticated"] == 2)
    second.say("exclusive")
    if policy == "share":
        first.say("bye"), second.say("bye")
    else:
        (second if asker else first).lines.peek(1)
        (first if asker else second).say("bye")
    assert first.read().startswith(other) and second.read().startswith(asker)
    close_all([first, second])


def test_arrivals_wait_for_a_worker_that_is_ready_again(start):
    server = start("server.workers=1", "timeouts.respawn_initial_s=0.5")
    killer = server.connect()
    killer.hello()
    killer.say("crash")
    assert killer.read() == ""
    waiting = [server.connect() for _ in range(20)]
    assert all(viewer.hello()["verdict"] == "serve" for viewer in waiting)
    close_all([killer, *waiting])


def test_exclusive_access_is_to_what_the_client_sees():
    sent: list[dict] = []
    encoder = Child(ENCODER, 0)
    crew = SimpleNamespace(
        broadcast=sent.append, send=lambda child, message: sent.append(message), encoders=[encoder]
    )
    desk = ClientDesk(crew, Admission(Clients()), AuthThrottle(1.0, 30.0), "refuse")
    for client, surface in ((1, "left"), (2, "right"), (3, "right")):
        desk._admission.handed_over(client, "here", 0, refused=False)
        desk.said(encoder, {"type": "client", "client": client, "state": "authenticated", "surface": surface})
    desk.said(encoder, {"type": "exclusive", "client": 1})
    assert not sent, "nobody else sees that"
    desk.said(encoder, {"type": "exclusive", "client": 2})
    assert [one["client"] for one in sent] == [2]
    desk.when_not_shared = "evict"
    desk.said(encoder, {"type": "exclusive", "client": 2})
    assert (sent[-1]["except"], sent[-1]["surface"]) == (2, "right")


@pytest.mark.parametrize("asked", [False, True])
def test_what_the_clients_of_a_crashed_encoder_cannot_say(asked, caplog):
    caplog.set_level("INFO")
    sent: list[dict] = []
    encoder, consumer = Child(ENCODER, 0), Child("animator", 1)
    crew = SimpleNamespace(send=lambda child, message: sent.append(message), consumer=consumer)
    desk = ClientDesk(crew, Admission(Clients()), AuthThrottle(1.0, 30.0), "share")
    for client in (1, 2):
        desk._admission.handed_over(client, "here", 0, refused=False)
    encoder.was_started(1.0)
    encoder.hung_up = 2.0
    encoder.has_exited(3.0, Timeouts(), asked=asked)
    desk.encoder_ended(encoder)
    assert sent == [{"type": "worker_gone", "slot": 0, "clients": [1, 2]}]
    assert len(desk._admission) == 0
    told = [(getattr(record, "client", None), record.getMessage()) for record in caplog.records]
    left = [(1, "here left: its encoder ended"), (2, "here left: its encoder ended")]
    assert told == ([] if asked else [(None, "encoder 0 took 2 clients with it"), *left])
