from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from harness.environment import THREAD_VARIABLES, Environment, difference, limited_threads


def test_every_field_changes_the_digest_and_is_named_by_the_difference():
    here = Environment.current(threads=1)
    assert here == Environment.current(threads=1) and here.torch == torch.__version__.partition("+")[0]
    for item in fields(Environment):
        there = replace(here, **{item.name: 7 if item.name == "threads" else "other"})
        assert there.digest != here.digest
        assert difference(there.to_dict(), here.to_dict()).startswith(f"{item.name} ")
    assert difference(here.to_dict(), here.to_dict()) == ""


def test_threads_are_limited_for_a_while_and_restored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(THREAD_VARIABLES[0], raising=False)
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="stop"), limited_threads(3):
        assert torch.get_num_threads() == 3 and os.environ[THREAD_VARIABLES[0]] == "3"
        raise ValueError("stop")
    assert torch.get_num_threads() == before and THREAD_VARIABLES[0] not in os.environ


def test_the_environment_is_told_without_importing_torch():
    code = (
        "import sys; from harness.environment import Environment; Environment.current(1); print('torch' in sys.modules)"
    )
    checkout = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
