"""The README's two commands: they say what set-up does, go on with one that was killed, and without what is missing.

Python and pip are scripts here that note what they were asked, so that nothing is installed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.paths import checkout_root

ENVIRONMENT_PYTHON = """#!/bin/sh
echo "python $*" >> {log}
case "$*" in *"pip install"*) [ ! -e {broken} ];; esac
"""
SYSTEM_PYTHON = """#!/bin/sh
echo "system $*" >> {log}
rm -rf {venv} && mkdir -p {venv}/bin && cp {folder}/environment-python {venv}/bin/python
printf '#!/bin/sh\\necho "ddtbench $*" >> {log}; [ "$1" != data ]\\n' > {venv}/bin/ddtbench
chmod +x {venv}/bin/*
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    names = {"log": tmp_path / "log", "broken": tmp_path / "broken", "venv": tmp_path / "venv", "folder": tmp_path}
    for name, script in (("environment-python", ENVIRONMENT_PYTHON), ("python", SYSTEM_PYTHON)):
        (tmp_path / name).write_text(script.format(**names))
        (tmp_path / name).chmod(0o755)
    return tmp_path


def make(place: Path, *goals: str) -> subprocess.CompletedProcess[str]:
    (place / "log").write_text("")
    words = ["make", "-C", str(checkout_root()), *goals, f"VENV={place / 'venv'}", f"PYTHON={place / 'python'}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(words, capture_output=True, text=True, env=kept, timeout=60, check=False)


def asked(place: Path) -> list[str]:
    return (place / "log").read_text().splitlines()


def test_set_up_says_what_it_does_and_is_done_once(place: Path) -> None:
    done = make(place, "setup")
    assert done.returncode == 0, done.stderr
    assert "set-up 1/2" in done.stdout and "set-up 2/2" in done.stdout
    (install,) = [line for line in asked(place) if "pip install" in line]
    assert "--quiet" not in install and ".[dev,lmms]" in install
    make(place, "setup")
    assert asked(place) == []


def test_the_site_is_built_by_one_command_that_installs_what_builds_it_once(place: Path) -> None:
    built = f'#!/bin/sh\necho "mkdocs $*" >> {place / "log"}\n'
    assert make(place, "setup").returncode == 0
    (place / "venv/bin/mkdocs").write_text(built)
    (place / "venv/bin/mkdocs").chmod(0o755)
    done = make(place, "docs")
    assert done.returncode == 0 and "site/index.html" in done.stdout, done.stderr
    assert [line for line in asked(place) if ".[docs]" in line] and asked(place)[-1] == "mkdocs build"
    make(place, "docs")
    assert asked(place) == ["mkdocs build"]


def test_an_environment_whose_making_was_killed_is_made_anew(place: Path) -> None:
    (place / "venv/bin").mkdir(parents=True)
    (place / "venv/bin/python").write_text("#!/bin/sh\necho No module named pip >&2\nexit 1\n")
    (place / "venv/bin/python").chmod(0o755)
    assert make(place, "setup").returncode == 0
    assert asked(place)[0] == f"system -m venv --clear {place / 'venv'}"


def test_an_installation_that_was_killed_is_gone_on_with(place: Path) -> None:
    (place / "broken").touch()
    assert make(place, "setup").returncode != 0
    packages = place / "venv/lib/python3.11/site-packages"
    for name, files in (("whole-1.dist-info", ("METADATA", "INSTALLER")), ("half-1.dist-info", ("METADATA",))):
        (packages / name).mkdir(parents=True)
        for file in files:
            (packages / name / file).touch()
    (place / "broken").unlink()
    done = make(place, "setup")
    assert done.returncode == 0 and "set-up: again half-1.dist-info" in done.stdout
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]
    assert not any(line.startswith("system") for line in asked(place)), "the environment itself was whole"


def test_both_commands_go_on_without_the_data_set(place: Path) -> None:
    for goal, last in (("test", "python -m pytest"), ("demo", "ddtbench scale zoo/runs")):
        done = make(place, goal)
        assert done.returncode == 0, done.stderr
        assert "going on without Fashion-MNIST" in done.stdout
        assert "ddtbench data prepare fashion-mnist --fetch" in asked(place) and asked(place)[-1].startswith(last)


def test_a_locked_set_up_checks_every_archive_and_takes_no_other_version(place: Path) -> None:
    assert make(place, "setup", "LOCKED=1").returncode == 0
    first, second = (line for line in asked(place) if "pip install" in line)
    assert "--no-deps --require-hashes --requirement requirements.lock" in first and "--editable" not in first
    assert "--no-deps --editable ." in second
