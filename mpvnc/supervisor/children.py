"""Child processes: started, told, hung up, killed, reaped. One `Process` is one life of a `policy.Child`.

Owns processes, their pidfds and control sockets. Decides nothing: policy.py does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mpvnc.ipc import control
from mpvnc.ipc.control import ControlSocket

_ROOT = Path(__file__).resolve().parents[2]
"""Where this mpvnc lies, as an entry of sys.path."""
_SECRETS = ("MPVNC_PASSWORD", "MPVNC_VIEW_ONLY_PASSWORD")


class Process:
    """A running child process.

    Attributes:
        control: our end of its control socket; does not block. Not closed by `reap`: what the child said last
            may still be in it.
        pidfd: readable once it has ended.
    """

    def __init__(self, popen: subprocess.Popen[bytes], socket: ControlSocket) -> None:
        self._popen = popen
        self.control = socket
        self.control.set_blocking(False)
        self.pidfd = os.pidfd_open(popen.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, whatever became of its id."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def reap(self) -> str:
        """Wait for its end, which the pidfd has announced; return how it ended, in words."""
        code = self._popen.wait()
        os.close(self.pidfd)
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"


def role_command(role: str) -> list[str]:
    """Return the command that runs a role, without its arguments."""
    return [sys.executable, "-P", "-m", f"mpvnc.workers.{role}"]


def start_process(command: Sequence[str], environ: Mapping[str, str]) -> Process:
    """Start `command --control-fd N` with stdin from nowhere; stdout and stderr are both our stderr.

    SIGINT and SIGTERM stay blocked until the child ignores them: sent to all of us, they are our business alone.

    Raises: OSError if it cannot be started.
    """
    ours, theirs = control.pair()
    fd = theirs.fileno()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        popen = subprocess.Popen(
            [*command, "--control-fd", str(fd)],
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=(fd,),
            env=child_environment(environ),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
    return Process(popen, ours)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of children: without secrets, and so that `-P -m` finds this mpvnc.

    Nobody here solves equations: without a word numpy's OpenBLAS starts a thread per core in every child.
    """
    own = {name: value for name, value in environ.items() if name not in _SECRETS}
    own.setdefault("OPENBLAS_NUM_THREADS", "1")
    if _ROOT.name not in ("site-packages", "dist-packages"):
        paths = [path for path in own.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", str(_ROOT))]
        own["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *paths])
    return own
