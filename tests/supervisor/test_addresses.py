from __future__ import annotations

import ipaddress
import socket

import pytest

from mpvnc.supervisor import addresses

FAMILIES = [socket.AF_INET, socket.AF_INET6]
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@pytest.mark.parametrize("family", FAMILIES)
def test_an_address_that_leads_here(family: socket.AddressFamily) -> None:
    address = addresses.outward(family)
    with socket.create_server((address, 0), family=family) as server:
        socket.create_connection(server.getsockname()[:2], timeout=5).close()


class Secluded(socket.socket):
    """A socket on a machine from which no way leads anywhere."""

    def connect(self, address: object) -> None:
        raise OSError("Network is unreachable")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("known", "named"),
    [([], None), (["127.0.0.1", "::1"], None), (["127.0.0.1", "::1", "192.0.2.9"], "192.0.2.9")],
)
def test_without_a_way_out_it_is_an_interfaces(
    monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily, known: list[str], named: str | None
) -> None:
    monkeypatch.setattr(addresses.socket, "socket", Secluded)
    monkeypatch.setattr(addresses, "ipv4_addresses", lambda: iter(known))
    monkeypatch.setattr(addresses, "ipv6_addresses", lambda: iter(known))
    assert addresses.outward(family) == (named or LOOPBACK[family])


def test_the_addresses_of_interfaces() -> None:
    assert "127.0.0.1" in addresses.ipv4_addresses()
    assert all(ipaddress.IPv6Address(one).is_link_local is False for one in addresses.ipv6_addresses())
