from __future__ import annotations

import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings.wire import wire_class
from mpvnc.pixels import NATIVE
from mpvnc.workers.report import class_name

# What is told of real clients: tests/workers/test_encoder.py, "test_clients_are_reported".


@pytest.mark.parametrize(
    ("encodings", "name"),
    [
        ([], "raw"),
        ([Encoding.ZRLE], "zrle"),
        ([Encoding.ZRLE, Encoding.COMPRESSION_LEVEL_0 + 9], "zrle c2"),
        ([Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + 6], "tight q6"),
        ([Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0, Encoding.COMPRESSION_LEVEL_0 + 4], "tight q0 c1"),
    ],
)
def test_classes_have_names(encodings, name):
    assert class_name(wire_class(NATIVE, encodings)) == name
