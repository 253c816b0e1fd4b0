from __future__ import annotations

import pytest

from mpvnc import cairovnc
from mpvnc.errors import PublishError


@pytest.mark.parametrize("kind", ["BadPixelFormat", "BadSurfaceFormat", "BadCursor"])
def test_all_errors_are_of_one_tree(kind):
    error = getattr(cairovnc, f"CairoVNC{kind}Error")
    assert issubclass(error, cairovnc.CairoVNCError)
    assert issubclass(error, PublishError)
