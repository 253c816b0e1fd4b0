"""Answers of a supervisor as text for people: sizes as 12.3 MB, counts as 1.2 M, tables with headings. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mpvnc.ipc.control import Message

_PREFIXES = ("", "k", "M", "G", "T", "P")
_WORDS = {
    "clients": "clients",
    "frames": "frames",
    "updates_sent": "updates",
    "bytes_sent": "sent",
    "encodes": "encodes",
    "cache_hits": "hits",
    "bytes_encoded": "encoded",
    "frames_skipped": "skipped",
}
"""The counters that a person is shown of each child; JSON has all."""


def status_text(status: Message) -> str:
    """Return a `status` message as lines."""
    source, clients = status["source"], status["clients"]
    children: list[tuple[str, ...]] = [("ROLE", "SLOT", "PID", "STATE", "RESTARTS", "SO FAR, AND NOW")]
    children += [_child_row(child) for child in status["children"]]
    lines = [
        f"{status['instance']}: {status['state']}, up {duration(status['uptime_s'])}, mpvnc {status['version']}",
        f"listening on  {' '.join(status['listeners']) or '-'}",
        f"source        {source['kind']} {source['state']}: {source['reason']}".removesuffix(": ")
        + f", backend {source['backend'] or '-'}, {source['width']}x{source['height']}, "
        f"frame {source['frame']}",
        f"clients       {clients['authenticated']} of {clients['max_connections'] or 'any number'}, "
        f"{clients['unauthenticated']} not logged in, {clients['queued']} queued, "
        f"{status['auth_failures']} wrong passwords",
        f"traffic       {size(status['bytes_sent'])} out, {size(status['bytes_received'])} in, "
        f"{count(status['updates_sent'])} updates, {count(status['frames_skipped'])} frames skipped",
        f"encoded       {count(status['encodes'])} rectangles, {size(status['bytes_encoded'])}, "
        f"{count(status['pixels_encoded'])} pixels; {count(status['cache_hits'])} hits, "
        f"{count(status['cache_misses'])} misses; kernels {status['kernels']}",
    ]
    if status["rectangles_taken"] or status["waits_in_vain"]:
        lines.append(
            f"shared        {count(status['rectangles_taken'])} rectangles taken from another worker, "
            f"{count(status['waits_in_vain'])} waits in vain"
        )
    return "\n".join([*lines, *_surfaces(status.get("surfaces", [])), table(children, ">" * 5 + "<")])


def clients_table(clients: Sequence[Message]) -> str:
    """Return clients as a table, in their order; `-` for what is not known."""
    if not clients:
        return "no clients"
    heads = (
        "ID", "ADDRESS", "WORKER", "SINCE", "RIGHTS", "CLASS",
        "FPS", "OUT", "RTT", "SKIPPED", "RUNG", "LIMITED BY",
    )  # fmt: skip
    rows, alignment = [heads, *map(_client_row, clients)], "><><<<>>>>><"
    if any(client.get("surface") for client in clients):
        surfaces = ["SURFACE", *(client.get("surface") or "-" for client in clients)]
        rows = [(*row, surface) for row, surface in zip(rows, surfaces, strict=True)]
        alignment += "<"
    return table(rows, alignment)


def table(rows: Sequence[Sequence[str]], alignment: str) -> str:
    """Return rows as lines with columns of equal width; a `<` or `>` for each column aligns it."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def size(size_bytes: float) -> str:
    """Return a number of bytes in decimal units: `999 B`, `12.3 MB`."""
    return f"{_scaled(size_bytes)}B"


def count(number: float) -> str:
    """Return a count: `999`, `12.3 k`."""
    return _scaled(number).rstrip()


def duration(seconds: float) -> str:
    """Return a time in its two largest units: `61 s`, `2 h 05 min`."""
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _scaled(number: float) -> str:
    power = 0
    while number >= 999.95 and power < len(_PREFIXES) - 1:
        number, power = number / 1000, power + 1
    digits = 1 if power or number != int(number) else 0
    return f"{number:.{digits}f} {_PREFIXES[power]}"


def _surfaces(surfaces: Sequence[Message]) -> list[str]:
    """Return a table of the named surfaces, the first one first; nothing if there are none."""
    rows: list[tuple[str, ...]] = [("SURFACE", "STATE", "SIZE", "FRAME", "VIEWERS", "PID", "NAME")]
    rows += [_surface_row(surface) for surface in surfaces]
    return [table(rows, "<<>>>><"), ""] if surfaces else []


def _surface_row(surface: Message) -> tuple[str, ...]:
    if surface["state"] == "awaited":
        return surface["surface"], "awaited", *"-" * 5
    return (
        surface["surface"],
        surface["state"],
        f"{surface['width']}x{surface['height']}",
        str(surface["frame"]),
        str(surface["viewers"]),
        str(surface["pid"] or "-"),
        surface["name"],
    )


def _child_row(child: Message) -> tuple[str, ...]:
    counters, rates = child["counters"], child["rates"]
    facts = [_fact(name, word, counters[name], rates) for name, word in _WORDS.items() if name in counters]
    pid = str(child["pid"] or "-")
    return child["role"], str(child["slot"]), pid, child["state"], str(child["restarts"]), ", ".join(facts)


def _fact(name: str, word: str, value: int, rates: Message) -> str:
    shown = size if name.startswith("bytes_") else count
    rate = f" ({shown(rates[name])}/s)" if name in rates else ""
    return f"{shown(value)} {word.removesuffix('s') if value == 1 else word}{rate}"


def _client_row(client: Message) -> tuple[str, ...]:
    rights = "view-only" if client["view_only"] else "control"
    return (
        str(client["client"]),
        client["address"],
        str(client["worker"]),
        time.strftime("%m-%d %H:%M:%S", time.localtime(client["since"])) if "since" in client else "-",
        rights if client["is_in"] else "not in",
        client.get("class", "-"),
        _or_dash(client.get("fps"), "{:.1f}"),
        size(client["bytes_out"]) if "bytes_out" in client else "-",
        _or_dash(client.get("rtt_ms"), "{:.1f} ms"),
        _or_dash(client.get("frames_skipped"), "{}"),
        _rung(client),
        client.get("limited_by") or "-",
    )


def _rung(client: Message) -> str:
    """Return the rung, 0 for the top, and the part of the frames if that is not all."""
    every = client.get("every", 1)
    return _or_dash(client.get("rung"), "{}") + (f" (1/{every})" if every > 1 else "")


def _or_dash(value: object, form: str) -> str:
    return "-" if value is None else form.format(value)
