"""What fuzzing found stays mended, and some new inputs of every target are drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import fuzz_oracle  # noqa: E402 (a file beside this one)
import fuzz_targets  # noqa: E402

OPENS_A_MODEL = "model-config"
DRAWN = 2
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name == OPENS_A_MODEL else name
    for name in sorted(fuzz_targets.TARGETS)
]


@pytest.mark.parametrize("name", NAMES)
def test_every_input_is_read_or_refused_by_one_line(name, tmp_path):
    target = fuzz_targets.TARGETS[name]
    target.prepare(tmp_path)
    for path in sorted((HERE / "corpus" / name).glob("*")):
        fuzz_oracle.judge(target.read, path.read_bytes(), tmp_path, target.refusals)

    @seed(0)
    @settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def drawn(data):
        fuzz_oracle.judge(target.read, data, tmp_path, target.refusals)

    drawn()


def test_the_corpus_belongs_to_targets_that_there_are():
    assert {path.name for path in (HERE / "corpus").iterdir() if path.is_dir()} <= fuzz_targets.TARGETS.keys()


def test_the_oracle_tells_a_traceback_two_lines_and_a_hang(tmp_path, monkeypatch):
    def raises(data, folder):
        raise KeyError(data)

    class Chatter(fuzz_targets.UserError):
        __str__ = Exception.__str__

    def chatters(data, folder):
        raise Chatter("one line\nand another")

    def hangs(data, folder):
        while True:
            pass

    monkeypatch.setattr(fuzz_oracle, "CPU_SECONDS", 0.1)
    for read, said in ((raises, "KeyError"), (chatters, "in 2 lines"), (hangs, "of computing")):
        with pytest.raises(fuzz_oracle.Wrong, match=said):
            fuzz_oracle.judge(read, b"", tmp_path, (fuzz_targets.UserError,))
