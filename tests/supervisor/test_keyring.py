from __future__ import annotations

import errno
import os

import pytest

from mpvnc.config import load
from mpvnc.errors import ConfigError
from mpvnc.ipc.memory import sealed_memory
from mpvnc.rfb.security.users import Cost, format_user, make_user
from mpvnc.supervisor import certificates
from mpvnc.supervisor.certificates import fingerprint_of
from mpvnc.supervisor.keyring import Keyring, check_files, open_keyring, warnings_about
from mpvnc.workers.settings import read_security
from tests.support.tls import make_pem, write_pair

PEM = make_pem()
LINE = format_user("alice", make_user("a", "control", bytes(16), Cost(2, 1, 1))) + "\n"


@pytest.fixture
def files(tmp_path):
    certificate, key = write_pair(tmp_path, PEM)
    users = tmp_path / "users"
    users.write_text(LINE)
    users.chmod(0o600)
    return [f"security.tls_cert={certificate}", f"security.tls_key={key}", f"security.users_file={users}"]


@pytest.fixture
def opened():
    made: list[Keyring] = []

    def make(*settings):
        made.append(open_keyring(load(None, settings), {}))
        return made[-1]

    yield make
    for keyring in made:
        keyring.close()


def test_a_worker_reads_what_is_handed_to_it(opened, files):
    keyring = opened(*files)
    assert keyring.fingerprint == fingerprint_of(PEM)
    context, users = read_security(keyring.message, keyring.fds)
    assert context is not None and list(users) == ["alice"]


@pytest.mark.parametrize(("settings", "certificate", "users"), [
    (["security.tls=false"], False, False), ([0, 1], True, False), ([2, "security.tls=false"], False, True),
])  # fmt: skip
def test_what_there_is_not_is_not_handed_over(opened, files, settings, certificate, users):
    keyring = opened(*(files[one] if isinstance(one, int) else one for one in settings))
    assert (keyring.message["certificate"], keyring.message["users"]) == (certificate, users)
    context, known = read_security(keyring.message, keyring.fds)
    assert (context is not None, bool(known)) == (certificate, users)


def test_nobody_can_change_it(opened, files):
    for fd in opened(*files).fds:
        with pytest.raises(OSError) as error:
            os.write(fd, b"x")
        assert error.value.errno == errno.EPERM
        with pytest.raises(OSError):
            os.ftruncate(fd, 0)


def test_what_is_new(opened, files, tmp_path):
    before = opened(*files)
    assert opened(*files).compare(before) == []
    (tmp_path / "users").write_text(LINE + "# comment\n")
    assert opened(*files).compare(before) == ["users"]
    write_pair(tmp_path, make_pem())
    assert opened(*files).compare(before) == ["certificate", "users"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names no user"),
        ("# nobody\n", "names no user"),
        ("alice\n", "line 1"),
        (b"\xff", "not UTF-8"),
        (None, "No such"),
    ],
)
def test_a_users_file_that_does_not_do(opened, files, tmp_path, text, complaint):
    path = tmp_path / "users"
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=complaint) as error:
        opened(files[2], "security.tls=false")
    assert "security.users_file" in str(error.value)
    with pytest.raises(ConfigError, match=complaint):
        check_files(load(None, files))


def test_files_are_checked_without_making_one(tmp_path, files):
    check_files(load(None, [f"server.state_dir={tmp_path}/state"]))
    check_files(load(None, files))
    assert not (tmp_path / "state").exists()


def test_secrets_that_everybody_can_read_are_warned_about(files):
    config, both = load(None, files), load(None, [files[0]])
    for setting in files:
        os.chmod(setting.partition("=")[2], 0o640)
    assert warnings_about(config) == warnings_about(both) == []
    for setting in files:
        os.chmod(setting.partition("=")[2], 0o644)
    assert [line.partition(":")[0] for line in warnings_about(config)] == [
        "security.users_file",
        "security.tls_key",
    ]
    assert [line.partition(":")[0] for line in warnings_about(both)] == ["security.tls_cert"], (
        "the key is in it"
    )
    assert warnings_about(load(None, [*files[:2], "security.tls=false"])) == []
    assert warnings_about(load(None, ["security.users_file=/no/such/file"])) == []


def test_the_log_has_the_fingerprint(opened, files, caplog):
    caplog.set_level("INFO")
    opened(*files).tell()
    assert fingerprint_of(PEM) in caplog.text
    caplog.clear()
    opened("security.tls=false").tell()
    assert not caplog.text


def test_a_certificate_that_cannot_be_kept_is_made_once(opened, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(certificates, "_make", lambda *_: made.append(make_pem()) or made[-1])
    (tmp_path / "file").write_text("")
    config = load(None, [f"server.state_dir={tmp_path}/file/state"])
    first = open_keyring(config, {})
    again = open_keyring(config, {}, first)
    assert len(made) == 1 and again.compare(first) == [] and again.fingerprint == first.fingerprint
    first.close()
    assert read_security(again.message, again.fds)[0] is not None
    again.close()


@pytest.mark.parametrize("calls", [0, 1])
def test_a_full_process_is_a_refusal_and_leaves_nothing(files, monkeypatch, calls):
    given = []

    def fail(name, data):
        if len(given) == calls:
            raise OSError(errno.EMFILE, "Too many open files")
        given.append(sealed_memory(name, data))
        return given[-1]

    monkeypatch.setattr("mpvnc.supervisor.keyring.sealed_memory", fail)
    with pytest.raises(ConfigError, match="Too many open files"):
        open_keyring(load(None, files), {})
    for fd in given:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
