"""The addresses of this machine, looked up without asking anybody. Linux; sends nothing."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_SIOCGIFADDR = 0x8915
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that nobody has (RFC 5737, RFC 3849): the kernel says by which of ours it would go there."""
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def outward(family: socket.AddressFamily) -> str:
    """Return the address of a family that others most probably reach this machine by; loopback if it has no other."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((_ELSEWHERE[family], 9))
        except OSError:  # no way leads out of here
            others = ipv4_addresses() if family == socket.AF_INET else ipv6_addresses()
            return next(
                (one for one in others if not ipaddress.ip_address(one).is_loopback), _LOOPBACK[family]
            )
        return str(sock.getsockname()[0])


def ipv4_addresses() -> Iterator[str]:
    """Yield the address of each interface (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, interface in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(sock, _SIOCGIFADDR, struct.pack("16s24x", interface.encode()[:15]))
            except OSError:
                continue
            yield socket.inet_ntoa(answer[20:24])


def ipv6_addresses() -> Iterator[str]:
    """Yield the global addresses: the others mean nothing without an interface's name."""
    try:
        lines = Path("/proc/net/if_inet6").read_text("ascii").splitlines()
    except OSError:
        return
    for line in lines:
        address = ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))
        if not address.is_link_local:
            yield str(address)
