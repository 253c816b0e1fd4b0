"""A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import pytest

from mpvnc.supervisor.status import TOTALS
from tests.support.server import close_all, viewers
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def test_totals_are_those_of_all_encoders(start):
    server = start()
    connected = viewers(server, 3)
    status = eventually(lambda: (now := server.status())["bytes_sent"] == 30 and now)
    encoders = [child for child in status["children"] if child["role"] == "encoder"]
    assert sorted(child["counters"]["bytes_sent"] for child in encoders) == [10, 20]
    assert all(status[counter.name.lower()] >= 0 for counter in TOTALS)
    assert eventually(lambda: any(child["rates"].get("bytes_sent") for child in server.status()["children"]))
    close_all(connected)
