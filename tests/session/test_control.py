from __future__ import annotations

from mpvnc.session import control as module
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.control import Control
from mpvnc.session.input import ClientGone, ClientJoined, ClipboardInput, KeyInput


def test_a_single_controller_controls_until_it_leaves() -> None:
    control = Control("single-controller")
    a, b = KeyInput(1, 0.0, True, 97), KeyInput(2, 0.0, True, 98)
    assert control.admits(a)
    assert not control.admits(b)
    assert control.is_first_refusal(2)
    assert not control.is_first_refusal(2)
    assert control.admits(ClipboardInput(2, 0.0, Clipboard("text")))
    assert control.admits(ClientGone(1, 0.0))
    assert control.admits(b)


def test_shared_control_admits_everybody() -> None:
    control = Control("shared")
    assert all(control.admits(KeyInput(client, 0.0, True, 97)) for client in (1, 2, 1))
    assert control.controller is None


def test_what_comes_after_the_end_of_a_client_is_not_admitted() -> None:
    control = Control()
    control.gone([1])
    for late in (KeyInput(1, 0.0, True, 97), ClientGone(1, 0.0), ClientJoined(1, 0.0, False, "")):
        assert not control.admits(late)
    assert not control.is_first_refusal(1)
    assert control.admits(KeyInput(2, 0.0, True, 97))
    assert control.admits(ClientGone(2, 0.0))
    assert not control.admits(KeyInput(2, 0.0, True, 97))


def test_only_so_many_who_left_are_remembered() -> None:
    control = Control()
    control.gone(range(module.REMEMBERED + 1))
    assert control.admits(KeyInput(0, 0.0, True, 97))
    assert not control.admits(KeyInput(1, 0.0, True, 97))


def test_another_policy_begins_with_nobody_in_control() -> None:
    control = Control("shared")
    assert control.change("single-controller") and not control.change("single-controller")
    assert control.controller is None
    assert control.admits(KeyInput(1, 0.0, True, 97)) and not control.admits(KeyInput(2, 0.0, True, 97))
    assert control.change("shared")
    assert control.admits(KeyInput(2, 0.0, True, 97))
