"""What counts as one address where peers are counted, throttled or take turns."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """Return an IPv4 address, the /64 of an IPv6 address, of which one subscriber has all, or the text as it is."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
