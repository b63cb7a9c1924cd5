"""What a test does with a package: its own tests, and the commands of its README."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from harness.skeleton import INSTALL


def commands_of(folder: Path) -> list[str]:
    """Those behind its installation."""
    lines = [line.strip() for line in (folder / "README.md").read_text().splitlines() if line.startswith("    ")]
    assert lines[0] == INSTALL
    return lines[1:]


def run_tests_of(folder: Path) -> int:
    """Run the package's own tests, which take no fixtures; return how many there are."""
    tests = []
    for path in folder.glob("test_*.py"):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        tests += [value for name, value in vars(module).items() if name.startswith("test_")]
    for test in tests:
        test()
    return len(tests)
