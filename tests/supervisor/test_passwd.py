from __future__ import annotations

import io
import stat

import pytest

from mpvnc import cli
from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access
from mpvnc.rfb.security.users import Cost, check_password, format_user, make_user, parse_users
from mpvnc.supervisor import passwd


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(
        passwd, "make_user", lambda password, role, salt: make_user(password, role, salt, Cost(2, 1, 1))
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "users"


@pytest.fixture
def type_in(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def run(file, *arguments):
    return cli.main(["passwd", "--file", str(file), *arguments])


def test_a_new_file_is_the_owners_alone(file, type_in, capsys):
    type_in("sesame\n")
    assert run(file, "alice", "--role", "view") == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert check_password(parse_users(file.read_text()), "alice", "sesame") is Access.VIEW_ONLY
    assert "sesame" not in file.read_text() + capsys.readouterr().out
    assert [one.name for one in file.parent.iterdir()] == ["users"]


def test_a_user_is_changed_and_keeps_the_role_and_the_file_its_mode(file, type_in):
    others = "# who\n" + format_user("bob", make_user("b", "view", bytes(16), Cost(2, 1, 1))) + "\n"
    file.write_text(others)
    file.chmod(0o640)
    for text, arguments in (("a\n", ["alice", "--role", "control"]), ("new", ["alice"]), ("b2", ["bob"])):
        type_in(text)
        assert run(file, *arguments) == 0
    users = parse_users(file.read_text())
    assert check_password(users, "alice", "new") is Access.FULL
    assert check_password(users, "bob", "b2") is Access.VIEW_ONLY
    assert file.read_text().startswith("# who\nbob:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_stays_one(file, tmp_path, type_in):
    file.write_text("")
    (tmp_path / "link").symlink_to(file)
    type_in("x")
    assert run(tmp_path / "link", "alice", "--role", "view") == 0
    assert (tmp_path / "link").is_symlink() and file.read_text()


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (["alice"], "x", "is new"),
        (["a:b", "--role", "view"], "x", "no user's name"),
        (["alice", "--role", "view"], "", "empty"),
        (["alice", "--role", "view"], "\n", "empty"),
        (["alice", "--role", "view"], "x" * 1025, "1024 bytes"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(file, type_in, capsys, arguments, stdin, complaint):
    type_in(stdin)
    assert run(file, *arguments) == 4
    assert complaint in capsys.readouterr().err
    assert not file.exists()


def test_a_file_that_is_none_is_left_alone(file, type_in, capsys):
    file.write_text("root:x:0:0\n")
    type_in("x")
    assert run(file, "alice", "--role", "view") == 4
    assert "line 1" in capsys.readouterr().err
    assert file.read_text() == "root:x:0:0\n"


def test_a_directory_that_cannot_be_written(tmp_path, type_in, capsys):
    type_in("x")
    assert run(tmp_path / "no" / "users", "alice", "--role", "view") == 4
    assert "cannot be written" in capsys.readouterr().err


def test_the_file_comes_from_the_configuration(file, type_in, capsys):
    type_in("x")
    assert cli.main(["passwd", "alice", "--role", "view", "--set", f"security.users_file={file}"]) == 0
    assert file.exists()
    assert cli.main(["passwd", "alice", "--role", "view"]) == 4
    assert "--file" in capsys.readouterr().err


def test_on_a_terminal_it_is_asked_for_twice(monkeypatch):
    answers = ["sesame", "sesame", "sesame", "seasme"]
    monkeypatch.setattr(passwd.sys, "stdin", type("Tty", (), {"isatty": lambda _self: True})())
    monkeypatch.setattr("getpass.getpass", lambda _prompt: answers.pop(0))
    assert passwd.ask_password("alice") == "sesame"
    with pytest.raises(ConfigError, match="not the same"):
        passwd.ask_password("alice")
