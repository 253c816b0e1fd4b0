from __future__ import annotations

import logging
import re

from mpvnc.cairovnc import CairoVNCOptions
from mpvnc.cairovnc.options import passwords_of, settings_of, tell_what_has_no_effect
from mpvnc.config import load
from tests.support.servers import ROOT

DEFAULTS = {
    "host": "0.0.0.0", "port": 5900, "password": None, "password_readonly": None, "display_name": "Cairo",
    "max_clients": 2, "max_framerate": 20, "read_only": True, "event_queue_length": 500, "push_requests": False,
    "verbose": False, "zlib_level": 6, "clipboard_maximum_size": 20 << 20,
}  # fmt: skip


def test_options_and_defaults_are_those_of_cairovnc():
    assert vars(CairoVNCOptions()) == DEFAULTS


def test_two_passwords_let_viewers_control():
    assert CairoVNCOptions(password="a").read_only
    assert not CairoVNCOptions(password="a", password_readonly="b").read_only


def test_a_copy_changes_by_itself():
    options = CairoVNCOptions(port=1, password="a", password_readonly="b")
    options.max_clients = None
    options.read_only = True
    copied = options.copy()
    assert vars(copied) == vars(options)
    copied.max_clients = 5
    assert options.max_clients is None


def test_settings_are_keys_of_the_configuration():
    options = CairoVNCOptions()
    options.max_clients, options.zlib_level, options.verbose = None, 9, True
    config = load(None, [f"{key}={value}" for key, value in settings_of(options).items()])
    assert config.clients.max_connections == 0
    assert config.security.view_only is True
    assert (config.encoding.compression_min, config.encoding.compression_max) == (9, 9)
    assert config.logging.log_level == "DEBUG"


def test_the_usual_zlib_level_leaves_it_to_the_viewers():
    settings = settings_of(CairoVNCOptions())
    assert (settings["encoding.compression_min"], settings["encoding.compression_max"]) == (0, 9)


def test_an_empty_password_is_none():
    assert passwords_of(CairoVNCOptions(password="", password_readonly="x")) == (None, "x")


def test_what_has_no_effect_is_told_to_who_wonders(caplog):
    options = CairoVNCOptions()
    options.event_queue_length = 0
    with caplog.at_level(logging.DEBUG):
        tell_what_has_no_effect(options)
    assert "event_queue_length" in caplog.text


def test_the_guide_says_where_each_option_went():
    guide = (ROOT / "docs" / "publish.md").read_text()
    first_cells = " ".join(re.findall(r"^\| (`.*?) \|", guide, re.MULTILINE))
    assert set(DEFAULTS) <= set(re.findall(r"`(\w+)`", first_cells))
    for picture in re.findall(r"\]\((pictures/\w+\.png)\)", guide):
        assert (ROOT / "docs" / picture).stat().st_size < 60_000
    for example in re.findall(r"`(examples/\w+\.py)`", guide):
        assert (ROOT / example).is_file()
