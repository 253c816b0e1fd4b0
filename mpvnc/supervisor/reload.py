"""What a new configuration changes in a running supervisor: which keys can change live. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mpvnc.config import Config, from_dict, to_dict

_LIVE_SECTIONS = frozenset({"clients", "security", "encoding", "limits", "timeouts", "websocket"})
_LIVE_KEYS = frozenset(
    {
        "server.desktop_name",
        "server.hosts",
        "source.frame_rate",
        "input.control_policy",
        "input.max_age_s",
        "logging.log_level",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """From the running configuration to one that was read anew.

    Attributes:
        config: what holds from now on: the new values of what can change, the old ones of the rest.
        changed: the keys in it that are new, as `section.key`.
        later: a line for each key that keeps its old value until the next start.
    """

    config: Config
    changed: list[str]
    later: list[str]


def compare(running: Config, read: Config) -> Change:
    """Return what the configuration `read` changes in a supervisor with the configuration `running`."""
    merged = to_dict(running)
    changed, later = [], []
    for section, key, value in _differences(running, read):
        name = f"{section}.{key}"
        if section in _LIVE_SECTIONS or name in _LIVE_KEYS:
            merged[section][key] = value
            changed.append(name)
        else:
            later.append(f"{name} is {_text(value)} in the file: takes effect at the next start")
    return Change(from_dict(merged), changed, later)


def _differences(running: Config, read: Config) -> Iterator[tuple[str, str, Any]]:
    old, new = to_dict(running), to_dict(read)
    for section, keys in new.items():
        for key, value in keys.items():
            if value != old[section][key]:
                yield section, key, value


def _text(value: Any) -> str:
    """Return a value as it stands in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value) or '""'
