from __future__ import annotations

import pytest

from mpvnc.config import Secrets, load
from mpvnc.errors import ConfigError
from mpvnc.supervisor.checks import check, wants_https


def test_named_surfaces_need_programs_that_publish():
    listeners = "server.listeners=127.0.0.1:1,127.0.0.1:2#stage"
    check(load(None, [listeners, "source.kind=publish"]), Secrets())
    with pytest.raises(ConfigError, match=r"#stage: only with source\.kind: publish"):
        check(load(None, [listeners]), Secrets())


def test_other_machines_need_a_password():
    exposed = load(None, ["server.host=0.0.0.0"])
    with pytest.raises(ConfigError, match="without a password"):
        check(exposed, Secrets())
    check(exposed, Secrets(view_only_password="x"))
    check(load(None, ["server.host=0.0.0.0", "security.allow_none=true"]), Secrets())


@pytest.mark.parametrize(
    ("settings", "secrets", "wants"),
    [
        ([], Secrets(), False),
        (["security.require_encryption=true"], Secrets(password="x"), True),
        (["security.users_file=users"], Secrets(), True),
        (["security.users_file=users"], Secrets(view_only_password="x"), False),
    ],
)
def test_browsers_are_sent_to_https_where_http_leads_nowhere(settings, secrets, wants):
    assert wants_https(load(None, settings), secrets) is wants


PASSWORD, NO_PASSWORD = Secrets(view_only_password="x"), Secrets()
USERS, MUST = "users_file=users", "require_encryption=true"
TCP, UNIX, WEB = "127.0.0.1:1", "unix:/tmp/x", "web:127.0.0.1:1"


def entrance(secrets: Secrets, listeners: str, *security: str) -> None:
    settings = [f"security.{setting}" for setting in security]
    check(load(None, [f"server.listeners={listeners}", *settings]), secrets)


@pytest.mark.parametrize(
    ("secrets", "listeners", "security", "reason"),
    [
        (NO_PASSWORD, TCP, ["types=vncauth"], "vncauth: there is no password"),
        (
            NO_PASSWORD,
            TCP,
            ["types=x509plain,plain"],
            "x509plain: there are no users; plain: there are no users",
        ),
        (NO_PASSWORD, TCP, ["types=none", MUST], r"none: encryption is required \(for browsers alone: web:"),
        (PASSWORD, TCP, ["types=none"], "none: there are passwords or users$"),
        (PASSWORD, UNIX, ["types=plain"], "plain: there are no users"),
        (
            NO_PASSWORD,
            TCP,
            ["types=plain", USERS],
            "plain: it is for UNIX sockets and https alone .for browsers",
        ),
        (NO_PASSWORD, TCP, ["types=x509none", "tls=false"], "x509none: TLS cannot begin there"),
        (NO_PASSWORD, WEB, ["types=x509none"], "x509none: TLS cannot begin there"),
        (NO_PASSWORD, "none", ["types=vncauth"], "vncauth: there is no password"),
        (NO_PASSWORD, TCP, [USERS, "tls=false"], "users log in inside TLS .* security.tls is false"),
    ],
)
def test_settings_that_let_nobody_in_are_refused(secrets, listeners, security, reason):
    with pytest.raises(
        ConfigError, match=rf"^security\.(types|users_file): no viewer could come in: .*{reason}"
    ):
        entrance(secrets, listeners, *security)


@pytest.mark.parametrize(
    ("secrets", "listeners", "security"),
    [
        (NO_PASSWORD, TCP, ["types=vncauth,none"]),
        (NO_PASSWORD, TCP, ["types=x509none", MUST]),
        (NO_PASSWORD, TCP, [USERS, "types=x509plain,x509vnc"]),
        (NO_PASSWORD, TCP, [USERS]),
        (PASSWORD, TCP, [USERS, "tls=false"]),
        (NO_PASSWORD, f"{TCP},{UNIX}", [USERS, "types=plain"]),
        (NO_PASSWORD, f"{TCP},{UNIX}", ["types=none", MUST]),
        (NO_PASSWORD, WEB, ["types=none", MUST]),
        (NO_PASSWORD, WEB, [USERS, "types=plain"]),
        (NO_PASSWORD, WEB, [USERS]),
        (PASSWORD, WEB, ["types=vncauth", "tls=false"]),
        (PASSWORD, "none", ["types=tight"]),
    ],
)
def test_one_way_in_is_enough(secrets, listeners, security):
    entrance(secrets, listeners, *security)


@pytest.mark.parametrize("origin", ["foo", "foo.example:443", "*", "https://", "https://foo.example/page"])
def test_pages_that_no_browser_can_name_are_refused(origin):
    with pytest.raises(ConfigError, match=r"^websocket\.allowed_origins: .*: expected scheme://host"):
        check(load(None, [f"websocket.allowed_origins={origin}"]), Secrets())
