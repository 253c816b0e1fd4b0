from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from mpvnc import config
from mpvnc.errors import ConfigError
from mpvnc.supervisor import listeners
from mpvnc.supervisor.listeners import (
    ListenError,
    TcpSpec,
    UnixSpec,
    is_exposed,
    open_listeners,
    parse_listeners,
)


def parse(*entries):
    return parse_listeners(config.load(None, ["server.listeners=" + ",".join(entries)]).server)


def test_host_and_port_are_one_listener():
    assert parse_listeners(config.load(None, ["server.host=::1", "server.port=7"]).server) == [
        TcpSpec("::1", 7)
    ]
    assert parse_listeners(config.load(None, ["server.host=[::1]"]).server) == [TcpSpec("::1", 5900)]


def test_a_server_may_listen_nowhere():
    assert parse("none") == []
    with pytest.raises(ConfigError):
        parse("none", "*:1")


def test_entries():
    assert parse("127.0.0.1:1", "[::1]:2", "*:3", "tcp:name:4", "unix:/x") == [
        TcpSpec("127.0.0.1", 1), TcpSpec("::1", 2), TcpSpec("*", 3), TcpSpec("name", 4), UnixSpec("/x"),
    ]  # fmt: skip


def test_an_entry_may_say_what_is_spoken_there():
    assert parse("any:127.0.0.1:1", "vnc:[::1]:2", "web:*:3", "web:unix:/x", "web:5900", "web:tcp:a:4") == [
        TcpSpec("127.0.0.1", 1, "any"), TcpSpec("::1", 2, "vnc"), TcpSpec("*", 3, "web"), UnixSpec("/x", "web"),
        TcpSpec("web", 5900), TcpSpec("a", 4, "web"),
    ]  # fmt: skip


@pytest.mark.parametrize(("speaks", "schemes"), [("any", "vnc http"), ("vnc", "vnc"), ("web", "http")])
def test_urls_are_for_those_who_may_come(speaks, schemes):
    with_port = {"vnc": "vnc://127.0.0.1:{}", "http": "http://127.0.0.1:{}/"}
    (listener,) = open_listeners([TcpSpec("127.0.0.1", 0, speaks)])
    port = listener.sock.getsockname()[1]
    listener.close()
    assert listener.speaks == speaks
    assert listener.urls == [with_port[scheme].format(port) for scheme in schemes.split()]


def test_a_unix_socket_has_one_name(tmp_path):
    (listener,) = open_listeners([UnixSpec(f"{tmp_path}/x", "web")])
    listener.close()
    assert (listener.urls, listener.speaks) == ([f"unix:{tmp_path}/x"], "web")


def test_a_listener_for_a_surface():
    assert parse("127.0.0.1:1#stage", "unix:/a#b#Left-2", "*:3") == [
        TcpSpec("127.0.0.1", 1, surface="stage"), UnixSpec("/a#b", surface="Left-2"), TcpSpec("*", 3),
    ]  # fmt: skip
    (listener,) = open_listeners(parse("127.0.0.1:0#stage"))
    assert listener.labels == [f"{listener.url}#stage", f"http{listener.url[3:]}/#stage"]
    assert listener.urls == [listener.url, f"http{listener.url[3:]}/"]
    listener.close()


@pytest.mark.parametrize(
    "entry",
    [
        "5900",
        "127.0.0.1:1#",
        "127.0.0.1:1#a b",
        "#stage",
        "::1:5900",
        "a:b",
        "a:70000",
        "unix:",
        "[::1]",
        "a:1:2",
    ],
)
def test_malformed_entries_are_named(entry):
    with pytest.raises(ConfigError, match=r"server\.listeners"):
        parse(entry)


@pytest.mark.parametrize(
    ("spec", "exposed"),
    [
        (TcpSpec("127.0.0.1", 1), False), (TcpSpec("127.3.2.1", 1), False), (TcpSpec("::1", 1), False),
        (TcpSpec("localhost", 1), False), (UnixSpec("/x"), False), (TcpSpec("0.0.0.0", 1), True),
        (TcpSpec("::", 1), True), (TcpSpec("", 1), True), (TcpSpec("*", 1), True),
        (TcpSpec("10.0.0.1", 1), True),
        (TcpSpec("example.com", 1), True),
    ],
)  # fmt: skip
def test_exposed(spec, exposed):
    assert is_exposed(spec) is exposed


def close_all(opened):
    for listener in opened:
        listener.close()


def test_a_free_port_is_the_same_for_all_families():
    opened = open_listeners([TcpSpec("*", 0)])
    try:
        families = {listener.sock.family for listener in opened}
        ports = {listener.sock.getsockname()[1] for listener in opened}
        assert families == {socket.AF_INET, socket.AF_INET6}
        assert len(ports) == 1
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, *ports), timeout=5).close()
    finally:
        close_all(opened)


def test_browsers_are_sent_where_they_are_answered():
    (listener,) = open_listeners([TcpSpec("127.0.0.1", 0)])
    listener.close()
    listener = replace(listener, wants_https=True)
    assert listener.urls == [listener.url, f"https{listener.url[3:]}/"]


def test_urls():
    opened = open_listeners([TcpSpec("127.0.0.1", 0), TcpSpec("::1", 0)])
    port4, port6 = (listener.sock.getsockname()[1] for listener in opened)
    assert [listener.url for listener in opened] == [f"vnc://127.0.0.1:{port4}", f"vnc://[::1]:{port6}"]
    close_all(opened)


@pytest.mark.parametrize(
    ("host", "address", "url"),
    [
        ("0.0.0.0", "192.0.2.7", "vnc://192.0.2.7:{}"),
        ("::", "2001:db8::7", "vnc://[2001:db8::7]:{}"),
        ("127.0.0.1", "192.0.2.7", "vnc://127.0.0.1:{}"),
    ],
)
def test_all_addresses_are_named_by_one_that_can_be_opened(monkeypatch, host, address, url):
    monkeypatch.setattr(listeners, "outward", lambda family: address)
    (opened,) = open_listeners([TcpSpec(host, 0)])
    opened.close()
    url = url.format(opened.url.rpartition(":")[2])
    assert opened.urls == [url, f"http{url[3:]}/"]
    assert opened.is_on_all_addresses == (host != "127.0.0.1")


def test_a_busy_port_is_named_and_nothing_stays_open():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = probe.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1 port {port}: Address already in use"):
            open_listeners([TcpSpec("127.0.0.1", free), TcpSpec("127.0.0.1", port)])
        close_all(open_listeners([TcpSpec("127.0.0.1", free)]))


def test_an_address_that_is_not_here_is_fatal():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1"):
        open_listeners([TcpSpec("192.0.2.1", 0)])


def test_a_name_that_does_not_resolve():
    with pytest.raises(ListenError, match="cannot listen on"):
        open_listeners([TcpSpec("no such host", 0)])


def test_a_missing_family_of_several_is_no_error(monkeypatch):
    bind = listeners._bind

    def without_ipv6(family, address):
        if family == socket.AF_INET6:
            raise OSError(listeners.errno.EAFNOSUPPORT, "no IPv6 here")
        return bind(family, address)

    monkeypatch.setattr(listeners, "_bind", without_ipv6)
    opened = open_listeners([TcpSpec("*", 0)])
    assert [listener.sock.family for listener in opened] == [socket.AF_INET]
    close_all(opened)
    with pytest.raises(ListenError):
        open_listeners([TcpSpec("::1", 0)])


def test_a_unix_socket_replaces_a_stale_one_and_is_removed(tmp_path):
    path = tmp_path / "vnc"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    (listener,) = open_listeners([UnixSpec(str(path))])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ListenError, match="in use"):
        open_listeners([UnixSpec(str(path))])
    listener.close()
    assert not path.exists()


def test_a_file_is_never_replaced(tmp_path):
    path = tmp_path / "precious"
    path.write_text("x")
    with pytest.raises(ListenError):
        open_listeners([UnixSpec(str(path))])
    assert path.read_text() == "x"
