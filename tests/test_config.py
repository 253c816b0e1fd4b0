from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpvnc import config
from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[1] / "config.yaml"


def write(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def refusal(*overrides, path=None):
    with pytest.raises(ConfigError) as caught:
        config.load(path, overrides)
    return str(caught.value)


def test_the_shipped_file_lists_every_key_with_its_default():
    import yaml

    data = yaml.safe_load(SHIPPED.read_text())
    assert data == json.loads(json.dumps(config.to_dict(Config())))
    assert config.load(SHIPPED) == Config()


def test_every_key_of_the_shipped_file_has_a_comment():
    above = ""
    for line in SHIPPED.read_text().splitlines():
        if line.startswith("  ") and not line.strip().startswith("#"):
            assert above.strip(), line
        above = line


def test_it_survives_the_way_to_a_child():
    loaded = config.load(None, ["server.listeners=127.0.0.1:1,unix:/tmp/x", "source.kind=mss"])
    assert config.from_dict(json.loads(json.dumps(config.to_dict(loaded)))) == loaded


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("server.port=0", "server", "port", 0),
        ("server.desktop_name=0123", "server", "desktop_name", "0123"),
        ("server.desktop_name=a=b: #c", "server", "desktop_name", "a=b: #c"),
        ("server.desktop_name=true", "server", "desktop_name", "true"),
        ("security.view_only=true", "security", "view_only", True),
        ("timeouts.drain_s=3", "timeouts", "drain_s", 3.0),
        ("server.listeners=[::1]:5900", "server", "listeners", ("[::1]:5900",)),
        ("server.listeners=a:1, b:2", "server", "listeners", ("a:1", "b:2")),
        ('encoding.enabled=["raw", "zrle"]', "encoding", "enabled", ("raw", "zrle")),
        ("encoding.enabled=", "encoding", "enabled", ()),
    ],
)
def test_overrides_are_read_by_the_type_of_the_field(override, section, key, value):
    assert getattr(getattr(config.load(None, [override]), section), key) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.hosts", ("a", "b")),
        ("server.hosts", ["a"]),
        ("server.listeners", ()),
        ("websocket.allowed_origins", ("https://o'neill\"s, bühne 🎭",)),
        ("server.desktop_name", "True"),
        ("server.desktop_name", ""),
        ("security.tls", False),
        ("server.workers", 3),
        ("clients.stall_timeout_s", 0.5),
    ],
)
def test_a_value_is_read_as_it_was_given(name, value):
    section, _, key = name.partition(".")
    read = getattr(getattr(config.load(None, [config.override(name, value)]), section), key)
    assert read == (tuple(value) if isinstance(value, list) else value)


def test_the_last_override_wins_over_the_file(tmp_path):
    path = write(tmp_path, "server:\n  port: 1\n  host: ''\nclients:\n")
    loaded = config.load(path, ["server.port=2", "server.port=3"])
    assert (loaded.server.port, loaded.server.host) == (3, "")


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("server.prot=1", ["unknown key server.prot", "did you mean server.port"]),
        ("servr.port=1", ["unknown section servr", "did you mean server"]),
        ("server.max_connections=1", ["did you mean clients.max_connections"]),
        ("server.port=x", ["server.port", "int"]),
        ("server.port=70000", ["server.port", "65535"]),
        ("server.port", ["section.key=value"]),
        ("port=1", ["section.key=value"]),
        ("server.name=../x", ["server.name"]),
        ("source.kind=foo", ["source.kind: 'foo' is none of auto, x11, mss, demo, publish"]),
        ("encoding.enabled=raw,foo", ["encoding.enabled[1]: 'foo' is none of raw, rre"]),
        ("encoding.compression_min=9", None),
        ("security.password=x", ["refused", "MPVNC_PASSWORD"]),
        ("security.view_only_password=x", ["refused", "password_file"]),
        ("server.password=x", ["refused"]),
        ("server.listeners=[1]", ["server.listeners[0]"]),
        ("server.workers=1000", ["server.workers"]),
        ("timeouts.heartbeat_s=2.9", ["timeouts.heartbeat_s"]),
    ],
)
def test_what_is_wrong_is_named(override, parts):
    if parts is None:
        parts = ["compression_min"]
        assert "compression_max" in refusal(override, "encoding.compression_max=1")
        return
    message = refusal(override)
    assert all(part in message for part in parts), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("server:\n  port: 1\n  port: 2\n", ["line 3", "port", "twice"]),
        ("server: {}\nserver: {}\n", ["server", "twice"]),
        ("server: [1]\n", ["server"]),
        ("- 1\n", ["expected sections"]),
        ("server: {\n", ["not YAML"]),
        ("server:\n  name: !!python/object/apply:os.getpid []\n", ["not YAML"]),
        ("security:\n  password: x\n", ["security.password", "MPVNC_PASSWORD"]),
        ("1: 2\n", ["unknown section 1"]),
        ("server:\n  port: '1'\n", ["server.port"]),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, parts):
    path = write(tmp_path, text)
    message = refusal(path=path)
    assert all(part in message for part in parts), message


def test_a_missing_file_is_refused(tmp_path):
    assert "cannot be read" in refusal(path=tmp_path / "nowhere.yaml")


def test_an_empty_file_is_the_defaults(tmp_path):
    assert config.load(write(tmp_path, "# nothing\n")) == Config()


def with_file(path):
    return config.load(None, [f"security.password_file={path}"])


def test_secrets_from_a_file(tmp_path):
    path = tmp_path / "secrets"
    path.write_text("full\nview\n")
    path.chmod(0o600)
    secrets, warnings = config.read_secrets(with_file(path), {"MPVNC_PASSWORD": "other"})
    assert (secrets, warnings) == (Secrets(password="full", view_only_password="view"), [])
    assert "full" not in repr(secrets)


def test_an_empty_first_line_is_no_password(tmp_path):
    path = tmp_path / "secrets"
    path.write_text("\nview\n")
    secrets, _ = config.read_secrets(with_file(path), {})
    assert secrets == Secrets(password=None, view_only_password="view")


def test_a_file_that_everybody_can_read_is_warned_about(tmp_path):
    path = tmp_path / "secrets"
    path.write_text("full\n")
    path.chmod(0o644)
    _, warnings = config.read_secrets(with_file(path), {})
    assert len(warnings) == 1 and "chmod 600" in warnings[0]


@pytest.mark.parametrize("text", ["", "\n\n", None])
def test_a_file_without_a_password_is_refused(tmp_path, text):
    path = tmp_path / "secrets"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"security\.password_file"):
        config.read_secrets(with_file(path), {})


def test_secrets_from_the_environment():
    environ = {"MPVNC_PASSWORD": "", "MPVNC_VIEW_ONLY_PASSWORD": "view"}
    assert config.read_secrets(Config(), environ)[0] == Secrets(password=None, view_only_password="view")


@pytest.mark.parametrize("name", ["MPVNC_PASSWORD", "MPVNC_VIEW_ONLY_PASSWORD"])
@pytest.mark.parametrize("password", ["пароль", "\udcff"])
def test_a_password_that_no_viewer_can_give(name, password):
    with pytest.raises(ConfigError, match=f"^{name}: .*Latin-1") as raised:
        config.read_secrets(Config(), {name: password})
    assert password not in str(raised.value)
    assert config.read_secrets(Config(), {name: "pässwörd"})[1] == []


@pytest.mark.parametrize(("text", "line"), [("пароль\n", 1), ("full\nпароль\n", 2)])
def test_a_password_that_no_viewer_can_give_in_a_file(tmp_path, text, line):
    path = tmp_path / "secrets"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=f"line {line}: .*Latin-1"):
        config.read_secrets(with_file(path), {})
