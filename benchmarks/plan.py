"""What is measured, in which order: the core set, everything, or what `--only` names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.measure import Plan
from benchmarks.peers import PEERS
from benchmarks.processes import BenchError
from benchmarks.scenes import PROFILES, RATES

CORE_SCENES = ("video", "ui", "scroll")
CORE_PROFILES = ("tight-jpeg", "tight-lossless", "zrle")
CORE_PEERS = ("xvnc", "mpvnc")
TLS_SCENES = ("video", "typing")
TLS_PROFILES = ("tight-jpeg-tls", "tight-lossless-tls")
TLS_PEERS = ("bare", "mpvnc")
ALL_NUMBERS = (1, 10, 50, 100, 250, 500, 1000)
MOST = 2000
STALL_VIEWERS = 100
SHARING_VIEWERS = 100
REST_S = 60.0
"""So long after the last change `idle` is measured."""
EXTRAS = ("limit", "latency", "stall", "sharing")


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure; `kind` is series, time, press, stall or sharing. `plan` is a series' own."""

    kind: str
    peer: str
    scene: str
    profile: str = "tight-jpeg"
    viewers: int = 1
    plan: Plan = field(default_factory=lambda: Plan(()))


def core(seconds: float) -> list[Job]:
    """The core set: video, ui, scroll; three profiles; 1, 50 and the most viewers; latency; stalled viewers."""
    plan = Plan((1, 50), seconds, most=MOST)
    return [
        *_series(CORE_SCENES, CORE_PROFILES, CORE_PEERS, plan),
        *_latencies(CORE_PEERS, (1, 100), seconds),
        Job("stall", "mpvnc", "video", viewers=STALL_VIEWERS, plan=plan),
        *_sharing(["video"], CORE_PROFILES, SHARING_VIEWERS, seconds),
    ]


def everything(seconds: float) -> list[Job]:
    """Every scene, profile, server and number of viewers; a full server is not measured with still more."""
    plan = Plan(ALL_NUMBERS, seconds, most=MOST, stops_when_full=True)
    resting = Plan((100,), seconds=10.0, settle_s=REST_S)
    busy = [scene for scene in RATES if scene != "idle"]
    peers = [name for name, peer in PEERS.items() if not peer.replays]
    stalls = [
        Job("stall", peer, "video", profile, STALL_VIEWERS, plan)
        for profile in CORE_PROFILES
        for peer in CORE_PEERS
    ]
    return [
        *_series(busy, [*CORE_PROFILES, "raw"], peers, plan),
        *_series(TLS_SCENES, TLS_PROFILES, TLS_PEERS, Plan((1, 100), seconds)),
        *_series(["idle"], ["tight-jpeg"], peers, resting),
        *_latencies(peers, (1, 30, 100), seconds * 2),
        *stalls,
        *_sharing(["video", "full", "scroll"], CORE_PROFILES, SHARING_VIEWERS, seconds),
    ]


def only(words: Iterable[str], seconds: float) -> list[Job]:
    """Return what the words name: scenes, profiles, servers, numbers of viewers, `limit`, `latency`, `stall`,
    `sharing`.

    What no word names is as in the core set. Raises: BenchError for a word that is none of these.
    """
    given = [word for word in words if word]
    numbers = tuple(int(word) for word in given if word.isdigit()) or (1, 50)
    scenes, profiles, peers = (
        [word for word in given if word in known] or list(default)
        for known, default in ((RATES, CORE_SCENES), (PROFILES, CORE_PROFILES), (PEERS, CORE_PEERS))
    )
    for word in given:
        if not (word.isdigit() or word in RATES or word in PROFILES or word in PEERS or word in EXTRAS):
            raise BenchError(f"{word} is no workload, profile, server or number; see --help")
    if "latency" in given:
        return _latencies(peers, numbers, seconds, [scene for scene in scenes if scene in given] or ["video"])
    if "sharing" in given:
        shown = [scene for scene in scenes if scene in given] or ["video"]
        viewers = max((int(word) for word in given if word.isdigit()), default=SHARING_VIEWERS)
        return _sharing(shown, profiles, viewers, seconds)
    if "stall" in given:
        return [
            Job("stall", peer, s, p, max(numbers), Plan((), seconds))
            for s in scenes
            for p in profiles
            for peer in peers
        ]
    plan = Plan(numbers, seconds, most=MOST if "limit" in given else 0)
    busy, resting = [scene for scene in scenes if scene != "idle"], replace(plan, settle_s=REST_S, most=0)
    idle = ["idle"] if "idle" in scenes else []
    return _series(busy, profiles, peers, plan) + _series(idle, profiles, peers, resting)


def _series(scenes: Sequence[str], profiles: Sequence[str], peers: Sequence[str], plan: Plan) -> list[Job]:
    """The servers alternate innermost: the machine drifts."""
    return [
        Job("series", peer, scene, profile, plan=plan)
        for scene in scenes
        for profile in profiles
        for peer in peers
    ]


def _sharing(scenes: Sequence[str], profiles: Sequence[str], viewers: int, seconds: float) -> list[Job]:
    plan = Plan((), seconds)
    return [
        Job("sharing", "mpvnc", scene, profile, viewers, plan) for scene in scenes for profile in profiles
    ]


def _latencies(
    peers: Sequence[str], numbers: Sequence[int], seconds: float, scenes: Sequence[str] = ("video",)
) -> list[Job]:
    plan = Plan((), seconds * 2)
    time = [
        Job("time", peer, scene, viewers=n, plan=plan) for scene in scenes for n in numbers for peer in peers
    ]
    with_x = [peer for peer in peers if PEERS[peer].screen != "memory"]
    return time + [Job("press", peer, "idle", plan=plan) for peer in with_x]
