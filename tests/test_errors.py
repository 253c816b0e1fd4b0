"""The tree of exceptions is the one that its documentation draws."""

from __future__ import annotations

import inspect

from mpvnc import errors


def drawn() -> dict[str, str]:
    """Return the parent of every class in the drawing."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in errors.__doc__.split("```")[1].strip().splitlines():
        name = line.lstrip("│├└─ ").split()[0]
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_is_as_drawn():
    classes = inspect.getmembers(errors, inspect.isclass)
    assert drawn() == {name: one.__base__.__name__ for name, one in classes}


def test_a_limit_is_the_peers_fault_and_an_encoder_ours():
    assert issubclass(errors.LimitExceeded, errors.ProtocolError)
    assert not issubclass(errors.EncodeError, errors.ProtocolError)
