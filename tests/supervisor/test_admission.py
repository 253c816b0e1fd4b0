from __future__ import annotations

import pytest

from mpvnc.config import Clients
from mpvnc.supervisor import admission as admission_module
from mpvnc.supervisor.admission import TOO_MANY, TOO_MANY_WAITING, Admission, AuthThrottle, Verdict


def arrive(admission, client, address="1.1.1.1", slot=0):
    verdict = admission.judge(address)
    if not verdict.must_drop:
        admission.handed_over(client, address, slot, refused=verdict.reason is not None)
    return verdict


def test_the_limit_counts_authenticated_clients():
    admission = Admission(Clients(max_connections=2))
    for client in (1, 2, 3):
        assert arrive(admission, client) == Verdict(None)
    assert admission.has_authenticated(1, view_only=False)
    assert admission.has_authenticated(2, view_only=True)
    assert not admission.has_authenticated(3, view_only=False), "it came in before the others logged in"
    assert arrive(admission, 4).reason == TOO_MANY
    admission.has_gone(1)
    assert arrive(admission, 5) == Verdict(None)
    assert admission.has_authenticated(5, view_only=False)
    assert admission.authenticated == 2


def test_zero_is_any_number():
    admission = Admission(Clients(max_connections=0))
    for client in range(200):
        assert arrive(admission, client, f"10.0.0.{client}") == Verdict(None)
        assert admission.has_authenticated(client, view_only=False)


def test_browsers_have_several_connections_each():
    admission = Admission(Clients(max_unauthenticated=20, max_unauthenticated_per_address=2))
    for client in range(10):
        assert arrive(admission, client) == Verdict(None)
        admission.is_visiting(client)
        admission.is_visiting(client)
        assert admission.is_browsing("1.1.1.1", 0) and not admission.is_browsing("2.2.2.2", 0)
    assert arrive(admission, 10).reason == TOO_MANY_WAITING, "half of the room is for others"
    admission.has_gone(10)
    assert arrive(admission, 11, "2.2.2.2") == Verdict(None)
    assert admission.waiting == 11
    assert admission.has_authenticated(0, view_only=False), "it opened a WebSocket"
    admission.has_gone(1)
    assert arrive(admission, 12) == Verdict(None)
    for client in range(13):
        admission.has_gone(client)
    assert (admission.waiting, len(admission)) == (0, 0)
    assert not admission.is_browsing("1.1.1.1", 0)
    assert arrive(admission, 13) == arrive(admission, 14) == Verdict(None)


def test_an_address_whose_requests_come_late_is_remembered_for_a_while(monkeypatch):
    monkeypatch.setattr(admission_module, "_LATE_CAPACITY", 2)
    admission = Admission(Clients())
    for client in (1, 2, 3):
        arrive(admission, client, f"{client}.1.1.1")
        admission.has_come_late(client, 100.0)
    admission.has_come_late(99, 100.0)
    admission.has_gone(3)
    late = [admission.is_browsing(f"{client}.1.1.1", 101.0) for client in (1, 2, 3)]
    assert late == [False, True, True], "the first one was forgotten for the last"
    assert not admission.is_browsing("3.1.1.1", 100.0 + admission_module.LATE_S)


def test_a_refused_browser_is_no_visitor():
    admission = Admission(Clients(max_connections=1))
    arrive(admission, 1)
    admission.has_authenticated(1, view_only=False)
    assert arrive(admission, 2).reason == TOO_MANY
    admission.is_visiting(2)
    admission.is_visiting(1)
    admission.is_visiting(99)
    admission.has_gone(2)
    assert (admission.refused, admission.waiting, admission.authenticated) == (0, 0, 1)


def test_fifty_idle_sockets_lock_nobody_out():
    admission = Admission(Clients(max_connections=2))
    for client in range(50):
        arrive(admission, client)
    assert arrive(admission, 50) == Verdict(None)
    assert admission.has_authenticated(50, view_only=False)


def test_one_address_cannot_take_all_places():
    admission = Admission(Clients(max_unauthenticated=20, max_unauthenticated_per_address=5))
    for client in range(5):
        assert arrive(admission, client).reason is None
    assert arrive(admission, 5).reason == TOO_MANY_WAITING
    assert arrive(admission, 6, "2.2.2.2").reason is None
    assert admission.has_authenticated(0, view_only=False)
    assert arrive(admission, 7).reason is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "local", "::ffff:127.0.0.1"])
def test_a_proxy_on_this_machine_is_no_single_client(address):
    admission = Admission(Clients(max_unauthenticated=6, max_unauthenticated_per_address=2))
    reasons = [arrive(admission, client, address).reason for client in range(7)]
    assert reasons == [None] * 6 + [TOO_MANY_WAITING]


def test_overall_and_refusals_are_bounded_too():
    admission = Admission(Clients(max_unauthenticated=3))
    verdicts = [arrive(admission, client, f"10.0.0.{client}") for client in range(7)]
    assert [verdict.reason for verdict in verdicts] == [None] * 3 + [TOO_MANY_WAITING] * 4
    assert [verdict.must_drop for verdict in verdicts] == [False] * 6 + [True]


def test_ipv6_counts_by_network_and_mapped_as_ipv4():
    admission = Admission(Clients(max_unauthenticated_per_address=2))
    arrive(admission, 1, "2001:db8::1")
    arrive(admission, 2, "2001:db8::ffff:2")
    assert arrive(admission, 3, "2001:db8::3").reason == TOO_MANY_WAITING
    assert arrive(admission, 4, "2001:db8:0:1::3").reason is None
    arrive(admission, 5, "::ffff:9.9.9.9")
    arrive(admission, 6, "9.9.9.9")
    assert arrive(admission, 7, "9.9.9.9").reason == TOO_MANY_WAITING
    assert arrive(admission, 8, "fe80::1%eth0").reason is None


def test_an_encoder_takes_its_clients_with_it():
    admission = Admission(Clients(max_connections=3))
    for client, slot in ((1, 0), (2, 1), (3, 0)):
        arrive(admission, client, slot=slot)
    admission.has_authenticated(1, view_only=False)
    assert (admission.load(0), admission.load(1)) == (2, 1)
    assert [client.id for client in admission.encoder_has_gone(0)] == [1, 3]
    assert (admission.load(0), admission.authenticated, admission.waiting, len(admission)) == (0, 0, 1, 1)


def test_strange_reports_change_nothing():
    admission = Admission(Clients(max_connections=1, max_unauthenticated=9))
    admission.has_gone(99)
    assert admission.has_authenticated(99, view_only=False)
    arrive(admission, 1)
    admission.has_authenticated(1, view_only=False)
    assert admission.has_authenticated(1, view_only=False)
    arrive(admission, 2)
    assert admission.refused == 1
    assert admission.has_authenticated(2, view_only=False), "a refused one cannot log in"
    admission.has_gone(2)
    admission.has_gone(1)
    admission.has_gone(1)
    assert (admission.authenticated, admission.waiting, admission.refused, len(admission)) == (0, 0, 0, 0)


class TestThrottle:
    def test_the_delay_doubles_up_to_the_maximum(self):
        throttle = AuthThrottle(1.0, 30.0)
        seen = []
        for now in range(8):
            seen.append(throttle.delay_s("1.1.1.1", now))
            throttle.has_failed("1.1.1.1", now)
        assert seen == [1, 2, 4, 8, 16, 30, 30, 30]
        for now in range(2000):
            throttle.has_failed("1.1.1.1", now)
        assert throttle.delay_s("1.1.1.1", 2000) == 30

    def test_other_addresses_are_not_affected(self):
        throttle = AuthThrottle(1.0, 30.0)
        throttle.has_failed("1.1.1.1", 0)
        assert throttle.delay_s("1.1.1.2", 0) == 1.0
        assert throttle.delay_s("local", 0) == 1.0

    def test_it_forgets(self):
        throttle = AuthThrottle(1.0, 30.0, forget_s=100.0)
        throttle.has_failed("1.1.1.1", 0)
        assert throttle.delay_s("1.1.1.1", 99.9) == 2.0
        assert throttle.delay_s("1.1.1.1", 100.0) == 1.0
        throttle.has_failed("1.1.1.1", 200.0)
        assert throttle.delay_s("1.1.1.1", 200.0) == 2.0

    def test_its_memory_is_bounded_and_keeps_the_latest(self):
        throttle = AuthThrottle(1.0, 30.0, capacity=10)
        for number in range(30):
            throttle.has_failed(f"10.0.0.{number}", number)
            throttle.has_failed("9.9.9.9", number)
        assert len(throttle) == 10
        assert throttle.delay_s("9.9.9.9", 30) == 30.0
        assert throttle.delay_s("10.0.0.0", 30) == 1.0

    def test_a_network_of_addresses_counts_as_one(self):
        throttle = AuthThrottle(1.0, 30.0)
        throttle.has_failed("2001:db8::1", 0)
        assert throttle.delay_s("2001:db8::2", 0) == 2.0

    @pytest.mark.parametrize("initial", [0.0, 40.0])
    def test_no_delay_and_a_long_one(self, initial):
        throttle = AuthThrottle(initial, 30.0)
        throttle.has_failed("1.1.1.1", 0)
        assert throttle.delay_s("1.1.1.1", 0) == initial
