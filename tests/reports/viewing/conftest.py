"""A root of runs that is served in this process, with small pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served_pages import Served

from harness import cli


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve a root of runs (an empty one unless it is named)."""
    made: list[Served] = []

    def begin(runs: Path | None = None) -> Served:
        place = tmp_path / f"place-{len(made)}"
        place.mkdir()
        (tmp_path / "runs").mkdir(exist_ok=True)
        made.append(Served(runs or tmp_path / "runs", place))
        return made[-1]

    yield begin
    for served in made:
        served.end()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of a module that leave it as it is."""
    folder = tmp_path_factory.mktemp("viewed")
    for name in ("runs", "place"):
        (folder / name).mkdir()
    made = Served(folder / "runs", folder / "place")
    yield made
    made.end()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run
