from __future__ import annotations

import pytest

from mpvnc.config import Secrets, load
from mpvnc.errors import ConfigError
from mpvnc.supervisor.checks import check


def test_named_surfaces_need_programs_that_publish():
    listeners = "server.listeners=127.0.0.1:1,127.0.0.1:2#stage"
    check(load(None, [listeners, "source.kind=publish"]), Secrets())
    with pytest.raises(ConfigError, match=r"#stage: only with source\.kind: publish"):
        check(load(None, [listeners]), Secrets())


def test_other_machines_need_a_password():
    exposed = load(None, ["server.host=0.0.0.0"])
    with pytest.raises(ConfigError, match="without a password"):
        check(exposed, Secrets())
    check(exposed, Secrets(view_only_password="x"))
    check(load(None, ["server.host=0.0.0.0", "security.allow_none=true"]), Secrets())
