"""``docs/guide/extend.md`` shows the examples as they are, and its diff is one that works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packages import run_tests_of

from harness.skeleton import ADDS

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "guide" / "extend.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("what", ADDS)
def test_the_guide_shows_the_code_as_it_is(what: str) -> None:
    for name in (what, "catalog"):
        assert (ROOT / "examples" / what / f"my_{what}" / f"{name}.py").read_text() in blocks("python"), name


def test_the_diff_of_a_further_task_touches_three_files_and_runs(installed, call, tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(ROOT / "examples" / "task", package, ignore=shutil.ignore_patterns("__pycache__"))
    (diff,) = blocks("diff")
    (tmp_path / "task.diff").write_text(diff)
    files = re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    assert files == ["my_task/catalog.py", "my_task/greys.py", "test_my_greys.py"]
    subprocess.run(["git", "apply", "../task.diff"], cwd=package, check=True)
    installed(package)
    assert run_tests_of(package) == 2
    code, table, err = call("ddtbench run my-greys --model jpeg --model mean-colour --out runs")
    assert code == 0, err
    assert "greys kept" in table
    assert call("ddtbench report runs --to report")[0] == 0
    assert "keep the grey 10" in (tmp_path / "report" / "tasks" / "my-greys.html").read_text()
