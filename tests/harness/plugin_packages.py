"""Installs a package into a folder without pip or network: its files and a dist-info with its entry points."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

TOY = Path(__file__).parent.parent / "plugin"


def install(project: Path, target: Path) -> Path:
    """What ``pip install --target`` would leave of a pure Python project, as its pyproject.toml states it."""
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    for package in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(project / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    head = settings["project"]
    _dist_info(target, head["name"], head["version"], head["entry-points"])
    return target


def write_plugin(target: Path, name: str, catalog: str) -> Path:
    """A package of one module, ``<name>_catalog``, which holds this source and registers its ENTRIES."""
    groups = {"ddtbench.catalog": {name: f"{name}_catalog:ENTRIES"}}
    return write_package(target, name, {f"{name}_catalog": catalog}, groups)


def write_package(target: Path, name: str, modules: Mapping[str, str], groups: Mapping[str, Mapping[str, str]]) -> Path:
    """A package of these modules (name -> source) with these entry points."""
    target.mkdir(parents=True, exist_ok=True)
    for module, source in modules.items():
        (target / f"{module}.py").write_text(source)
    _dist_info(target, name, "1.0", groups)
    return target


def _dist_info(target: Path, name: str, version: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    folder = target / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
