"""What a client's bytes go through: a socket, plain or wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mpvnc.transport.plain import Buffer, TcpInfo


class Stream(Protocol):
    """A non-blocking byte stream with the rest of what did not fit.

    Every method may raise OSError if the connection is gone, except `discard_input` and `close`.
    """

    is_blocked: bool
    """Whether bytes wait for the descriptor to become writable."""
    was_laborious: bool
    """Whether the last read took more work than its bytes tell: the next one is to be timed."""
    has_pending: bool
    """Whether received bytes wait inside although the descriptor may not become readable again."""

    @property
    def sent_bytes(self) -> int:
        """How much has gone to the kernel, headers of any kind and encryption's own bytes included or not."""

    @property
    def received_bytes(self) -> int:
        """How much has come from it, likewise."""

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Write as much as goes; keep views of the rest."""

    def flush(self) -> None:
        """Write more of the rest."""

    def receive_into(self, scratch: bytearray) -> int | None:
        """Read what is there, at most `len(scratch)` bytes; 0 at the end, None if nothing has come."""

    def unacknowledged_bytes(self) -> int:
        """Return how much was given to `send` that the peer's machine has not acknowledged."""

    def tcp_info(self) -> TcpInfo | None:
        """Return what the kernel knows of the connection; None if it is not TCP."""

    def discard_input(self) -> None:
        """Read and forget what has come: else closing resets what was just sent (RFC 1122 4.2.2.13)."""

    def close(self) -> None:
        """Close the socket and let go of what was to be written."""
