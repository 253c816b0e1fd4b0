"""What holds while a server runs, with a configuration that the test reads out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mpvnc.config import Config, Secrets, load
from mpvnc.errors import ConfigError
from mpvnc.rfb.security.users import Cost, format_user, make_user
from mpvnc.supervisor.keyring import Keyring
from mpvnc.supervisor.settings import Settings

NO_TLS = "security.tls=false"
LINE = format_user("alice", make_user("a", "control", bytes(16), Cost(2, 1, 1))) + "\n"


class Book:
    """A configuration to be read, and what follows from it."""

    def __init__(self) -> None:
        self.settings = [NO_TLS]
        self.secrets = Secrets(password="first")
        self.handed: list[list[bool]] = []
        self.followed = 0
        self.undone = 0
        self.running = Settings(*self.read()[:2], self.read, self.amend, {})
        self.running.open(self.hand_out, self.follow)

    def read(self) -> tuple[Config, Secrets, list[str]]:
        return load(None, self.settings), self.secrets, ["a warning"]

    def amend(self, settings: Any, passwords: Any) -> Any:
        before = self.settings
        self.settings = [*before, *(f"{key}={value}" for key, value in settings.items())]

        def undo() -> None:
            self.undone += 1
            self.settings = before

        return undo

    def hand_out(self, keyring: Keyring) -> None:
        self.handed.append([keyring.certificate_fd >= 0, keyring.users_fd >= 0])

    def follow(self) -> None:
        self.followed += 1


@pytest.fixture
def book() -> Iterator[Book]:
    made = Book()
    yield made
    made.running.close()


def test_what_cannot_be_served_is_refused_at_once() -> None:
    exposed = load(None, ["server.host=0.0.0.0"])
    with pytest.raises(ConfigError, match="without a password"):
        Settings(exposed, Secrets(), lambda: (exposed, Secrets(), []), None, {})


def test_passwords_are_told_only_who_needs_them(book: Book) -> None:
    assert book.running.told(with_secrets=True)["secrets"]["password"] == "first"
    assert book.running.told(with_secrets=False)["secrets"] == {"password": None, "view_only_password": None}


def test_a_reload_takes_what_is_new_and_says_so(book: Book) -> None:
    assert book.running.reload()._asdict() == {"changed": [], "later": [], "warnings": ["a warning"]}
    assert not book.followed
    book.settings = [NO_TLS, "clients.max_connections=7", "server.port=1"]
    book.secrets = Secrets(password="second")
    done = book.running.reload()
    assert done.changed == ["clients.max_connections", "passwords"] and "server.port" in done.later[0]
    assert book.followed == 1 and not book.handed
    assert (book.running.config.clients.max_connections, book.running.config.server.port) == (7, 5900)
    assert book.running.told(with_secrets=True)["secrets"]["password"] == "second"


def test_other_keys_are_handed_out(book: Book, tmp_path: Any) -> None:
    users = tmp_path / "users"
    users.write_text(LINE)
    users.chmod(0o600)
    book.settings = [NO_TLS, f"security.users_file={users}"]
    assert "users" in book.running.reload().changed
    assert book.handed == [[False, True]]


def test_what_does_not_do_changes_nothing(book: Book) -> None:
    book.settings = [NO_TLS, "clients.max_connections=7", "security.users_file=/no/such/file"]
    with pytest.raises(ConfigError, match="users_file"):
        book.running.reload()
    assert book.running.config == load(None, [NO_TLS]) and not book.followed and not book.handed


@pytest.mark.parametrize("setting", ["security.types=none", "websocket.allowed_origins=foo"])
def test_what_would_not_do_for_a_start_does_not_do_for_a_reload(book: Book, setting: str) -> None:
    book.settings = [NO_TLS, setting]
    with pytest.raises(ConfigError, match=setting.partition("=")[0]):
        book.running.reload()
    assert book.running.config == load(None, [NO_TLS]) and not book.followed


def test_an_amendment_is_taken_whole_or_not_at_all(book: Book) -> None:
    book.running.amend({"settings": {"clients.max_connections": 5}})
    assert book.running.config.clients.max_connections == 5
    with pytest.raises(ConfigError, match=r"server\.port cannot change"):
        book.running.amend({"settings": {"clients.max_connections": 6, "server.port": 1}})
    assert book.running.config.clients.max_connections == 5 and book.undone == 1
    book.running.reload()
    assert book.running.config.clients.max_connections == 5


def test_without_a_program_nothing_is_amended() -> None:
    config = load(None, [NO_TLS])
    with pytest.raises(ConfigError, match="nothing can be put"):
        Settings(config, Secrets(), lambda: (config, Secrets(), []), None, {}).amend({"settings": {}})
