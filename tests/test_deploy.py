"""The lock file names what the project asks for, with digests; the image is built from it."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from packaging.requirements import Requirement

from harness.paths import checkout_root

ROOT = checkout_root()
LOCKED = re.compile(r"([a-z0-9-]+)==([^ ]+) --hash=sha256:[0-9a-f]{64}")


def locked() -> dict[str, str]:
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    found = [LOCKED.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if match is None]
    return {match[1]: match[2] for match in found if match}


def asked() -> list[Requirement]:
    """What the project and the extras of set-up ask for on the lock's platform."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting, found, seen = [*project["dependencies"], "ddtbench[dev,lmms,docs]"], [], set()
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name == project["name"]:
            waiting += [line for extra in requirement.extras - seen for line in project["optional-dependencies"][extra]]
            seen |= requirement.extras
        elif requirement.marker is None or requirement.marker.evaluate({"platform_machine": "x86_64"}):
            found.append(requirement)
    return found


def test_the_lock_holds_a_version_that_fits_for_everything_that_is_asked_for() -> None:
    versions, wanted = locked(), asked()
    assert len(wanted) > 30
    for requirement in wanted:
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in versions, f"{name}: `make lock-file` adds it"
        assert requirement.specifier.contains(versions[name], prereleases=True), f"{requirement}: {versions[name]}"


@pytest.fixture(scope="module")
def lock_text() -> Callable[[Mapping[str, Any]], str]:
    spec = importlib.util.spec_from_file_location("lock", ROOT / "deploy/lock.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: Callable[[Mapping[str, Any]], str] = module.lock_text
    return text


def report(*items: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    about = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.11"}
    install = [{"metadata": {"name": name, "version": version}, "download_info": info} for name, version, info in items]
    return {"environment": about, "install": install}


def test_a_lock_is_sorted_and_leaves_out_the_project_itself(lock_text: Callable[[Mapping[str, Any]], str]) -> None:
    digest = {"archive_info": {"hashes": {"sha256": "0" * 64}}}
    text = lock_text(report(("Zoo.Two_b", "2", digest), ("ddtbench", "0.1", {"dir_info": {}}), ("a", "1", digest)))
    assert [line.partition("==")[0] for line in text.splitlines()[2:]] == ["a", "zoo-two-b"]
    assert "linux x86_64, Python 3.11" in text.splitlines()[0]


def test_what_has_no_archive_is_not_locked(lock_text: Callable[[Mapping[str, Any]], str]) -> None:
    with pytest.raises(ValueError, match="b 1 is no archive"):
        lock_text(report(("b", "1", {"vcs_info": {}})))


def test_the_image_leaves_out_what_the_container_makes_itself() -> None:
    left_out = set((ROOT / ".dockerignore").read_text().split())
    made_here = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split() if "*" not in line}
    assert {"runs", "report", "training", "site", ".venv"} <= left_out & made_here
