"""A viewer in a thread that asks for update after update and notes when each came."""

from __future__ import annotations

import itertools
import threading
import time

from tests.support.client import Client
from tests.support.errors import Disconnected, ViewerError
from tests.support.waits import eventually


class Watcher:
    """Watches until `stop`, or until the server hangs up.

    `faults` are what the viewer found wrong with what was sent; none may ever be there.
    """

    def __init__(self, client: Client):
        self.client = client
        self.times: list[float] = []
        self.faults: list[Exception] = []
        self.hung_up_at: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching and close the connection. Raises: what the viewer found wrong."""
        self._stopping.set()
        self._thread.join(10)
        self.client.close()
        if self.faults:
            raise self.faults[0]

    @property
    def is_connected(self) -> bool:
        return self.hung_up_at is None and not self.faults

    def count(self, begin: float, end: float) -> int:
        """Return how many updates came between two moments."""
        return sum(begin <= moment < end for moment in self.times)

    def longest_gap(self, begin: float) -> float:
        """Return the longest time without an update since a moment."""
        moments = [begin, *(moment for moment in self.times if moment >= begin), time.monotonic()]
        return max(after - before for before, after in itertools.pairwise(moments))

    def wait_for_more(self, updates: int = 5, timeout_s: float = 5.0) -> None:
        """Wait until so many further updates have come. Raises: TimeoutError, AssertionError if it was cut."""
        wanted = len(self.times) + updates
        eventually(lambda: len(self.times) >= wanted or not self.is_connected, timeout_s, what="more updates")
        assert len(self.times) >= wanted, f"hung up: {self.faults}"

    def _run(self) -> None:
        try:
            self.client.request(incremental=False)
            while not self._stopping.is_set():
                try:
                    self.client.wait_update(0.2)
                except TimeoutError:
                    continue
                self.times.append(time.monotonic())
                self.client.request()
        except (Disconnected, OSError):
            self.hung_up_at = time.monotonic()
        except ViewerError as error:
            self.faults.append(error)
