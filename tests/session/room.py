"""Workers that share what they encode, without processes: stages whose stores are one another's memory."""

from __future__ import annotations

from collections.abc import Mapping


class Desk:
    """One worker's `Store`, and what the others see of it (`Other`). A hung one neither sees nor is heard."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.others: dict[int, Desk] = {}
        self.chunks: dict[bytes, tuple[int, bytes]] = {}
        self.count = 0
        self.interests: Mapping[int, int] = {}
        self.waiting: set[object] = set()
        self.rings = 0

    def put(self, key: bytes, number: int, data: bytes) -> None:
        self.chunks[key] = number, data
        self.count += 1

    def ring(self) -> None:
        for other in self.others.values():
            other.rings += bool(other.waiting)

    def announce(self, who: object, interests: Mapping[int, int]) -> None:
        self.interests = dict(interests)

    def proceed(self, interest: int, progress: int) -> None:
        self.interests = {**self.interests, interest: progress}

    def set_waiting(self, who: object, waits: bool) -> None:
        (self.waiting.add if waits else self.waiting.discard)(who)

    def progress(self, interest: int) -> int | None:
        return self.interests.get(interest)

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        return self.chunks.get(key)


def desks(count: int) -> list[Desk]:
    """Return the desks of so many workers, each of which sees all others."""
    made = [Desk(slot) for slot in range(count)]
    for one in made:
        one.others = {other.slot: other for other in made if other is not one}
    return made
