"""What is measured on the one port for viewers and browsers (`any:`), by hand: see soak.py and docs/decisions/0008."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from playwright.sync_api import Error

from tests.support.browser import chromium
from tests.support.client import dial
from tests.support.servers import Server, running_supervisor

GREETING_P99_MS = 50


@contextmanager
def demo() -> Iterator[Server]:
    """Serve the demo on one port."""
    with tempfile.TemporaryDirectory(prefix="mpvnc-soak-") as directory:
        settings = ("source.kind=demo", "server.workers=2", "clients.max_unauthenticated=1000")
        with running_supervisor(Path(directory), *settings) as server:
            yield server


def greeting(rounds: int) -> str:
    """A silent viewer is greeted within 50 ms (p99) where browsers may come too."""
    with demo() as server:
        times_ms = []
        for _ in range(rounds):
            began = time.perf_counter()
            with dial(server.host, server.port) as sock:
                assert sock.recv(12)
                times_ms.append(1000 * (time.perf_counter() - began))
    cuts = quantiles(times_ms, n=100)
    words = (
        f"{rounds} greetings: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, at most {max(times_ms):.1f} ms"
    )
    assert cuts[98] <= GREETING_P99_MS, words
    return words


def pages(rounds: int) -> str:
    """Chromium with an empty cache loads the page each time, with all connections that it likes to open."""
    failures = []
    with demo() as server, chromium() as browser:
        for number in range(rounds):
            context = browser.new_context()
            try:
                page = context.new_page()
                page.goto(server.page)
                page.wait_for_selector("body[data-state=connected]", timeout=10_000)
            except Error as error:
                failures.append(f"load {number}: {error.message.splitlines()[0]}")
            finally:
                context.close()
            # The address has to be forgotten as one from which a page is being loaded.
            time.sleep(6.0 if number % 10 == 9 else 0.0)
    assert not failures, "\n".join([f"{len(failures)} of {rounds} loads failed", *failures])
    return f"{rounds} of {rounds} loads"
