"""The names that Python and the C programs share: workloads (scenes.c), profiles of viewers (viewers.c). Pure."""

from __future__ import annotations

WIDTH, HEIGHT = 1920, 1080
RATES = {"video": 30.0, "full": 30.0, "scroll": 15.0, "ui": 20.0, "typing": 10.0, "idle": 10.0}
"""Steps a second; scenes.c has them too."""
CHANGED_AREA = {"video": 640 * 360, "full": WIDTH * HEIGHT}
"""Pixels that every step changes, for the scenes of which that is true."""

_COMMON = ("1", "0", "-224", "-239", "-223")
PROFILES: dict[str, tuple[str, ...]] = {
    "tight-jpeg": ("7", "-26", "-254", *_COMMON),
    "tight-lossless": ("7", "-254", *_COMMON),
    "zrle": ("16", "-254", *_COMMON),
    "raw": ("0", "-224", "-239", "-223"),
    "probe-time": ("watch", "1888", "16", "16", "16", "time", "0", "-224"),
    "probe-press": ("watch", "1840", "1016", "32", "32", "press", "0", "-224"),
}
"""Arguments of viewers.c: as a real viewer lists them; Tight: quality 6, compress 2."""
PROFILES |= {
    f"{name}-web": ("web", *PROFILES[name]) for name in ("tight-jpeg", "tight-lossless", "zrle", "raw")
}
"""The same, through WebSockets as browsers come. Only mpvnc serves these on its port."""

ENCRYPTED = "tls"
"""The argument of viewers.c without which it needs no OpenSSL."""
PROFILES |= {
    f"{name.removesuffix('-web')}-{'wss' if 'web' in words else 'tls'}": (ENCRYPTED, *words)
    for name, words in PROFILES.items()
    if not name.startswith("probe")
}
"""The same through TLS: viewers by VeNCrypt, browsers from the first byte."""


def listed(profile: str) -> list[str]:
    """Return the encodings that a profile lists, whatever its viewers come through."""
    return [word for word in PROFILES[profile] if word not in ("web", ENCRYPTED)]
