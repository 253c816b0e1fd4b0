"""The viewer's page over https, through wss, on the port for everything; users with names; being thrown out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest
from playwright.sync_api import Browser

from mpvnc import KeyEvent, cli
from mpvnc.rfb.security.users import Cost, format_user, make_user
from tests.interop.stage import Stage, staged
from tests.support.browser import Visitor, visit
from tests.support.waits import eventually

pytestmark = pytest.mark.interop

EXACT = "?quality=lossless&fit=actual"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server with users alone, and a certificate of its own making."""
    directory = tmp_path_factory.mktemp("users")
    users = directory / "users"
    line = format_user("alice", make_user("open sesame", "control", os.urandom(16), Cost(2, 1, 1)))
    users.write_text(line)
    users.chmod(0o600)
    settings = (
        f"security.users_file={users}", "security.auth_delay_s=0.02", "server.workers=1",
        "server.listeners=vnc:127.0.0.1:0,web:127.0.0.1:0",
    )  # fmt: skip
    with staged(directory, *settings) as stage:
        yield stage


@pytest.fixture(scope="module")
def page_url(house: Stage) -> str:
    """What the ready line names: over http nobody could log in."""
    (url,) = [url for url in house.server.urls if url.startswith("http")]
    assert url.startswith("https://")
    return url


def log_in(visitor: Visitor, user: str, password: str) -> None:
    visitor.page.fill("#login-user", user)
    visitor.page.fill("#login-password", password)
    visitor.page.click("#login-form [type=submit]")


def test_a_user_logs_in_over_https_and_sees_every_pixel(
    house: Stage, page_url: str, browser: Browser
) -> None:
    with visit(browser, page_url + EXACT, state="asking") as visitor:
        page = visitor.page
        assert page.evaluate("isSecureContext")
        assert page.evaluate("document.activeElement.id") == "login-user"
        visitor.picture("login-user")
        assert visitor.faults() == []
        log_in(visitor, "alice", "guess")
        visitor.wait_text("#login-why", "This user name and password were not accepted")
        assert page.evaluate("document.activeElement.id") == "login-password"
        log_in(visitor, "alice", "open sesame")
        visitor.wait_state("connected")
        assert {url.partition(":")[0] for url in visitor.sockets} == {"wss"}
        eventually(lambda: visitor.shows(house.picture), what="the golden surface")
        page.focus("#screen canvas")
        page.keyboard.press("a")
        assert house.event(KeyEvent).key == ord("a")
        assert page.text_content("#encrypted") == "yes"


def test_over_http_it_is_said_that_https_is_wanted(page_url: str, browser: Browser) -> None:
    with visit(browser, page_url.replace("https:", "http:"), state="ended") as visitor:
        visitor.wait_text("#notice-text", "wants an encrypted connection: https in the address")
        assert not visitor.page.text_content("#notice-countdown"), "it will be the same"
        visitor.picture("https-wanted")
        assert visitor.faults() == []
        visitor.errors.clear()
        visitor.page.click("#notice-secure")
        visitor.wait_state("asking")


def test_who_is_thrown_out_is_told_so_and_stays_out(house: Stage, page_url: str, browser: Browser) -> None:
    with visit(browser, page_url + EXACT, state="asking") as visitor:
        log_in(visitor, "alice", "open sesame")
        visitor.wait_state("connected")
        with mock.patch.dict(os.environ, MPVNC_RUNTIME_DIR=str(house.server.runtime_dir)):
            assert cli.main(["kick", last_one_in(house)]) == 0
        visitor.wait_state("ended")
        visitor.wait_text(
            "#notice-text", "has ended this connection. It says: Disconnected by the operator\\."
        )
        assert not visitor.page.text_content("#notice-countdown"), "nothing is tried again by itself"
        visitor.picture("thrown-out")
        visitor.page.click("#notice-action")
        visitor.wait_state("connected")


def last_one_in(house: Stage) -> str:
    """Return the number of who came in last."""
    return [line.split()[3] for line in house.server.log.splitlines() if "joined as alice" in line][-1]
