"""requirements.lock: each package that set-up installs, in one exact version, with the digest of its archive.

    make lock-file

pip resolves `.[dev,lmms,docs]` anew, installs nothing, and says what it would have installed. The file is for the
platform in its first line: other platforms have other archives. `make setup LOCKED=1` installs from it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
WANTED = ".[dev,lmms,docs]"
OWN = "ddtbench"


def resolved() -> Mapping[str, Any]:
    """pip's report of what it would install."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        asked = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report), WANTED]
        subprocess.run([sys.executable, "-m", "pip", *asked], cwd=ROOT, check=True)
        found: Mapping[str, Any] = json.loads(report.read_text())
    return found


def lock_text(report: Mapping[str, Any]) -> str:
    """The lock file of a report: a header, then a package with its digests for each, sorted by name.

    Raises ValueError for a package that was resolved to no archive (a folder, a repository): it has no digest.
    """
    about = report["environment"]
    lines = [
        f"# {WANTED} for {about['sys_platform']} {about['platform_machine']}, Python {about['python_version']}.",
        "# Made by `make lock-file`; `make setup LOCKED=1` installs it.",
    ]
    found = {}
    for item in report["install"]:
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        if name == OWN:
            continue
        digests = item["download_info"].get("archive_info", {}).get("hashes", {})
        if "sha256" not in digests:
            raise ValueError(f"{name} {version} is no archive: it cannot be locked")
        found[re.sub(r"[-_.]+", "-", name).lower()] = f"{version} --hash=sha256:{digests['sha256']}"
    return "\n".join([*lines, *(f"{name}=={found[name]}" for name in sorted(found))]) + "\n"


if __name__ == "__main__":
    LOCK.write_text(lock_text(resolved()))
    print(f"lock: {LOCK.name}, {sum('==' in line for line in LOCK.read_text().splitlines())} packages")
