"""What every role shares: the start of a child process, its control socket, its counters, its end.

Owns the process-wide settings of a child (signals, parent-death signal, faulthandler, log) and the handshake
with the supervisor. Knows no role, no frame, no client. How a role uses it:

```
runtime = start("encoder")            # blocks until the supervisor's configure has come
...                                   # set up from runtime.config, .counters, .bells ...
runtime.ready()
...                                   # the role's own loop: watch runtime.control (receive() is None: end at
                                      # once), call runtime.beat() every BEAT_INTERVAL_S
runtime.close()
```
A child ends on EOF of its control socket, and on nothing else: SIGINT and SIGTERM are the supervisor's business,
even if the whole process group gets them. SIGTERM from the kernel, because the supervisor died, makes the socket
read EOF. After `start` the control socket does not block:
`receive()` raises BlockingIOError when nothing is there.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from mpvnc.config import Config, Secrets, from_dict
from mpvnc.errors import ControlError
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.log import Log, set_level, start_log
from mpvnc.metrics import Counter, SlotCounters, StatusPage

BEAT_INTERVAL_S = 1.0
_CONFIGURE_TIMEOUT_S = 10.0
_TERM_GRACE_S = 2
_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Runtime:
    """A started child.

    Attributes:
        control: the socket to the supervisor; non-blocking after `start`.
        slot: this process's slot in the status page; an encoder's is its index among the encoders.
        instance, runtime_dir: the instance's name and its private directory (bus sockets lie there).
        input_endpoint, notices_endpoint, events_endpoint: ZeroMQ `ipc://` addresses: encoders to consumer,
            consumer to encoders, animator to the publishing program.
        counters, status: its own slot, and the whole page (`status.held` is the consumer's).
        pointer_fd: the pointer page's memfd; the role's to close.
        bells: eventfds; an encoder has its own alone, other roles all in slot order. The role's to close.
        source: the kind of source that the supervisor settled on: x11, mss, demo or publish.
    """

    role: str
    control: ControlSocket
    slot: int
    instance: str
    runtime_dir: Path
    input_endpoint: str
    notices_endpoint: str
    events_endpoint: str
    source: str
    config: Config
    secrets: Secrets
    status: StatusPage
    counters: SlotCounters
    pointer_fd: int
    bells: list[int]
    log: Log
    _log_dropped: int = field(default=0)

    @property
    def bell(self) -> int:
        """An encoder's own bell."""
        return self.bells[0]

    def ready(self) -> None:
        """Tell the supervisor that this child can work.

        What was imported and set up until now is left to itself by the garbage collector: a full collection that
        looks at all of it takes some 13 ms, in which no frame goes out.
        """
        gc.collect()
        gc.freeze()
        self.send({"type": "ready"})

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send to the supervisor without blocking; what it does not take now goes with a later send or beat.

        Raises: ControlError if the supervisor is gone or reads nothing for long: end then.
        """
        self.control.flush()
        self.control.send_or_queue(message, fds)

    def hear(self, handle: Callable[[Message, list[int]], None]) -> bool:
        """Give `handle` each message that waits, with its descriptors, which are then its own.

        When it gets `reconfigure`, `config` and `secrets` are the new ones already.

        Returns: whether to go on; not after drain, and not without a supervisor.
        """
        while True:
            try:
                received = self.control.receive()
            except BlockingIOError:
                return True
            if received is None or received[0]["type"] == "drain":
                return False
            if received[0]["type"] == "reconfigure":
                self.reconfigure(received[0])
            handle(*received)

    def beat(self) -> None:
        """Say that the loop turns; call it every `BEAT_INTERVAL_S` from the loop itself, never from a thread.

        Raises: ControlError as `send` does.
        """
        self.counters.heartbeat()
        self.counters.set(Counter.LOG_DROPPED, self.log.dropped)
        self.control.flush()

    def reconfigure(self, message: Message) -> None:
        """Take over what a `reconfigure` message says; the role applies it to what it has made already."""
        self.config = from_dict(message["config"])
        self.secrets = Secrets(**message["secrets"])
        set_level(self.config.logging.log_level)

    def close(self) -> None:
        """End the log and close the control socket."""
        self.log.close()
        self.control.close()


def start(
    role: str, argv: Sequence[str] | None = None, *, death_signal: signal.Signals = signal.SIGKILL
) -> Runtime:
    """Make this process a child of the supervisor and wait for its configuration.

    Args:
        role: its name in log lines.
        argv: the arguments without the program's name; None for those of the process.
        death_signal: what the kernel sends when the supervisor dies; a role that must still release something
            takes SIGTERM, which reads as EOF and gives it two seconds.
    Raises: SystemExit if no supervisor configures it: 0 if it is gone already.
    """
    parser = argparse.ArgumentParser(prog=f"mpvnc.workers.{role}", description="Started by mpvnc-supervisor.")
    parser.add_argument("--control-fd", type=int, required=True)
    control = ControlSocket.from_fd(parser.parse_args(argv).control_fd)
    os.set_inheritable(control.fileno(), False)
    _settle(control, death_signal)
    control.set_timeout(_CONFIGURE_TIMEOUT_S)
    try:
        received = control.receive()
        if received is None:
            sys.exit(0)
        if received[0]["type"] != "configure":
            raise ControlError("expected configure")
    except ControlError as error:
        sys.exit(f"{role}: no configuration from the supervisor: {error}")
    control.set_blocking(False)
    return _configured(role, control, *received)


def _configured(role: str, control: ControlSocket, message: Message, fds: list[int]) -> Runtime:
    config = from_dict(message["config"])
    log = start_log(role, config.logging.log_level, config.logging.log_file)
    status_fd, pointer_fd, *bells = fds
    status = StatusPage(status_fd, message["slots"])
    os.close(status_fd)
    return Runtime(
        role=role,
        control=control,
        slot=message["slot"],
        instance=message["instance"],
        runtime_dir=Path(message["runtime_dir"]),
        input_endpoint=message["bus"]["input"],
        notices_endpoint=message["bus"]["notices"],
        events_endpoint=message["bus"]["events"],
        source=message["source"],
        config=config,
        secrets=Secrets(**message["secrets"]),
        status=status,
        counters=status.slot(message["slot"]),
        pointer_fd=pointer_fd,
        bells=bells,
        log=log,
    )


def _settle(control: ControlSocket, death_signal: signal.Signals) -> None:
    """Set up signals. A supervisor that died before this was done is noticed by EOF."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor = os.getppid()

    def end(_number: int, _frame: FrameType | None) -> None:
        if os.getppid() == supervisor:
            return
        signal.alarm(_TERM_GRACE_S)
        control.shut()

    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGTERM})
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
