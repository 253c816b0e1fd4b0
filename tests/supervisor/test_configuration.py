from __future__ import annotations

import pytest

from mpvnc import config
from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError
from mpvnc.supervisor.configuration import Configuration, secrets_of

FOUND = Secrets(password="found")


def load(overrides: list[str]) -> tuple[Config, Secrets, list[str]]:
    return config.load(None, overrides), FOUND, ["a warning"]


def test_what_was_sent_counts_before_what_is_found() -> None:
    assert Configuration(load)()[1:] == (FOUND, ["a warning"])
    assert Configuration(load, Secrets())()[1] == FOUND
    sent = Secrets(view_only_password="sent")
    assert Configuration(load, sent)()[1] == sent


def test_amendments_stay_and_the_last_one_can_be_undone() -> None:
    read = Configuration(load)
    read.amend({"clients.max_connections": 5}, None)
    undo = read.amend({"clients.max_connections": 7, "encoding.jpeg": False}, {"password": "new"})
    loaded, secrets, _ = read()
    assert (loaded.clients.max_connections, loaded.encoding.jpeg) == (7, False)
    assert secrets == Secrets(password="new")
    undo()
    loaded, secrets, _ = read()
    assert (loaded.clients.max_connections, loaded.encoding.jpeg) == (5, True)
    assert secrets == FOUND


def test_a_password_that_no_viewer_can_give_changes_nothing() -> None:
    read = Configuration(load)
    with pytest.raises(ConfigError, match="view_only_password"):
        read.amend({"encoding.jpeg": False}, {"view_only_password": "пароль"})
    assert read()[0].encoding.jpeg
    assert secrets_of({"password": "", "other": "x"}) == Secrets()
