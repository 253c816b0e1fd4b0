"""The viewer's book of open accounts."""

from __future__ import annotations

from tests.support.decoders.base import Rect
from tests.support.ledger import CONTINUOUS_UPDATES, Ledger

AREA = Rect(0, 0, 10, 10)


def test_a_request_behind_the_end_of_continuous_updates_counts() -> None:
    """The server reads the messages in order; only its confirmation is late."""
    ledger = Ledger()
    ledger.list_encodings([CONTINUOUS_UPDATES])
    ledger.end_of_continuous_updates()
    ledger.enable_continuous_updates(True)
    ledger.request(True, AREA)
    assert ledger.unanswered == 0
    ledger.enable_continuous_updates(False)
    ledger.request(True, AREA)
    ledger.end_of_continuous_updates()
    assert not ledger.idle
    ledger.update_ends()
    assert ledger.idle
