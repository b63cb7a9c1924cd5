"""Runs made by hand (``drawn_runs``), for every test of reports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside this one, which the tests import, too

from drawn_runs import RunsMaker, Subject


@pytest.fixture
def maker(tmp_path: Path) -> RunsMaker:
    """An empty run root and the means to fill it."""
    return RunsMaker(tmp_path / "runs")


@pytest.fixture(scope="session")
def make_runs() -> Callable[[Path], RunsMaker]:
    """Makes an empty run root elsewhere, for fixtures of a wider scope."""
    return RunsMaker


@pytest.fixture(scope="session")
def subject() -> Callable[..., Subject]:
    """Makes a pretended model."""
    return Subject
