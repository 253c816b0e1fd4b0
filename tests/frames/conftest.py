"""Segments under names of their own, which are gone after the test."""

import itertools
import os

import pytest

from mpvnc.frames import store

_numbers = itertools.count()


@pytest.fixture
def instance():
    return f"test{os.getpid()}x{next(_numbers)}"


@pytest.fixture
def new_segment(instance):
    segments = []

    def make(width, height):
        name = f"{store.name_prefix(instance)}{len(segments)}"
        segments.append(store.create_frame_segment(name, width, height))
        return segments[-1]

    yield make
    for segment in segments:
        segment.unlink()
        segment.close()
