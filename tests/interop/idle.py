"""What a desktop that stands still costs: `python -m tests.interop.idle [SECONDS]`, by hand; takes a minute.

Serves an Xvfb of 1920x1080 to four viewers, two with continuous updates, two with a request open, and tells
60 s after the last change how much of one core all processes together use.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support import golden, processes, xserver
from tests.support.client import Client
from tests.support.servers import Server, running_supervisor

SETTLE_S, MEASURE_S = 60.0, 30.0
ENCODINGS = (16, -239, -312, -313, -308)


def watch(server: Server, continuous: bool) -> Client:
    """Connect a viewer and let it wait for the next change."""
    client = server.connect()
    client.set_encodings(ENCODINGS)
    client.wait_for(lambda viewer: viewer.ledger.continuous_known)
    client.refresh()
    if continuous:
        client.viewer.enable_continuous_updates(True)
        client.flush()
    else:
        client.request()
    client.listen(0.5)
    return client


def cpu(server: Server) -> dict[str, float]:
    """Return the CPU seconds of every process of the server, by its command line's end."""
    return {
        f"{' '.join(processes.command_line(pid)[-3:])[-40:]} ({pid})": processes.cpu_seconds(pid)
        for pid in (server.pid, *server.children)
    }


def main() -> None:
    """Measure and print."""
    settle_s = float(sys.argv[1]) if len(sys.argv) > 1 else SETTLE_S
    directory = Path(tempfile.mkdtemp(prefix="mpvnc-idle-"))
    with xserver.xvfb(directory, 1920, 1080, cursor=True) as display:
        painter = xserver.Painter(display)
        painter.paint(golden.text(1920, 1080))
        settings = ("source.kind=x11", f"source.display={display}", "server.workers=2")
        with running_supervisor(directory, *settings) as server:
            clients = [watch(server, continuous) for continuous in (True, True, False, False)]
            time.sleep(settle_s)
            before, began = cpu(server), time.monotonic()
            time.sleep(MEASURE_S)
            after, elapsed = cpu(server), time.monotonic() - began
            for name, used in after.items():
                print(f"{(used - before[name]) / elapsed:8.3%}  {name}")
            total = (sum(after.values()) - sum(before.values())) / elapsed
            received = sum(len(client.listen(0.01)) for client in clients)
            print(f"{total:8.3%}  of one core, all processes; {received} messages to 4 viewers")
            for client in clients:
                client.close()
        painter.close()


if __name__ == "__main__":
    main()
