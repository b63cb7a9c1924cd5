"""Measuring and observing what is stored: a run or a metric that fails keeps none of the others from being shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin_packages import write_plugin

from harness import catalog, commands
from harness.contracts import MetricTraits
from harness.errors import UserError
from harness.store.columns import observations_folder
from harness.store.run_folder import RunFolder, run_paths


def toy_runs(call) -> list[Path]:
    assert call("run", "toy")[0] == 0
    return [Path("runs", path) for path in run_paths("runs")]


@pytest.mark.parametrize("name", ["spec.json", "manifest.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 99}', "{}"])
def test_a_damaged_run_keeps_no_other_from_being_measured(toy, call, name: str, content: str) -> None:
    adder, carrier = toy_runs(call)
    before = (carrier / "manifest.json").read_bytes()
    (adder / name).write_text(content)
    for command in ("measure", "observe"):
        code, out, err = call(command, "runs")
        assert code == 4 and err.count("\n") == 1 and str(adder) in err, err
        assert "toy-carrier" in out or command == "observe"
    assert (carrier / "manifest.json").read_bytes() == before
    assert set(commands.measure_runs("runs").model) == {"toy-carrier"}


def test_what_failed_is_a_line_for_the_caller_or_on_stderr(toy, call, capsys) -> None:
    adder, _ = toy_runs(call)
    (adder / "manifest.json").unlink()
    lines: list[str] = []
    frame = commands.measure_runs("runs", failed=lines)
    assert set(frame.model) == {"toy-carrier"} and len(lines) == 1 and "never finished" in lines[0]
    assert capsys.readouterr().err == ""
    assert commands.observe_runs("runs") == 1
    assert "never finished" in capsys.readouterr().err


def test_where_nothing_could_be_done_it_is_bad_input(toy, call) -> None:
    for folder in toy_runs(call):
        (folder / "manifest.json").unlink()
    code, out, err = call("measure", "runs")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "and 1 more runs failed" in err


class Fails:
    name, version, direction, unit, worst, needs = "toy-fails", 1, "higher", "", None, ("number.correct",)

    def parts(self, columns):
        raise KeyError("nobody thought of this")


class NotFinite(Fails):
    name = "toy-not-finite"

    def parts(self, columns):
        import numpy as np

        return np.full(len(columns["case"]), np.inf), np.ones(len(columns["case"]))


class NotStorable(Fails):
    name, traits = "toy-not-storable", MetricTraits(protocol={"threshold": float("nan")})

    def parts(self, columns):
        import numpy as np

        return np.ones(len(columns["case"])), np.ones(len(columns["case"]))


class HasNoVersion:
    name, needs = "toy-half-made", ("number.correct",)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (Fails, "KeyError: 'nobody thought of this'"),
        (NotFinite, "its numerator is not finite for 'sum-000' and 37 more"),
        (NotStorable, "not JSON compliant"),
        (HasNoVersion, "HasNoVersion"),
    ],
)
def test_a_metric_that_fails_keeps_no_other_from_being_measured(toy, call, monkeypatch, metric, reason: str) -> None:
    import toy_bench.sums

    adder, _ = toy_runs(call)
    monkeypatch.setattr(toy_bench.sums, "Even", metric)
    for words in (("measure", "runs"), ("run", "toy")):
        code, out, err = call(*words)
        assert code == 4 and "toy exact" in out
        assert f"toy-adder on toy-sums-40: {metric.name} failed:" in err and reason in err
    (path,) = adder.glob("measures/*/estimates.json")
    found = {item["metric"]: item for item in json.loads(path.read_text())["estimates"]}
    assert found["toy-exact"]["value"] is not None
    assert found[metric.name]["value"] is None and found[metric.name]["absent"].startswith("failed: ")


def test_a_metric_that_nobody_makes_any_more_fails_alone(toy, call) -> None:
    adder, carrier = toy_runs(call)
    for folder in (adder, carrier):
        from harness.store.run_folder import RunFolder

        stored = RunFolder.open(folder)
        protocol = stored.manifest()["protocol"]
        stored.write_manifest(protocol={**protocol, "metrics": ["toy-gone", *protocol["metrics"]]})
    code, out, err = call("measure", "runs")
    assert code == 4 and "toy exact" in out and err.count("unknown metric 'toy-gone'") == 2


def test_damaged_observations_fail_the_metrics_that_read_them(toy, call) -> None:
    adder, _ = toy_runs(call)
    for path in list(adder.glob("observations/*/00001-*")):
        path.write_bytes(path.read_bytes()[:-1])
    code, _, err = call("measure", "runs")
    assert code == 4 and "toy-adder on toy-sums-40: toy-even failed:" in err and "is damaged: observe again" in err
    frame = commands.measure_runs("runs", failed=[]).set_index(["model", "metric"])
    assert frame.value["toy-adder", "toy-exact"] > 0 and str(frame.value["toy-adder", "toy-even"]) == "nan"
    assert call("observe", "runs")[0] == 0 and call("measure", "runs")[0] == 0


def test_where_every_metric_fails_nothing_is_written(toy, call, monkeypatch) -> None:
    import toy_bench.sums

    toy_runs(call)
    monkeypatch.setattr(toy_bench.sums, "Even", Fails)
    monkeypatch.setattr(toy_bench.sums, "Exact", Fails)
    with pytest.raises(UserError, match="nobody thought of this'; nothing was written; and 1 more runs failed"):
        commands.measure_runs("runs")


EYE = """
from harness.contracts import InstrumentEntry


class Eye:
    name = "eye"

    def __init__(self, given="", device="cpu"):
        self.given, self.device = given, device
        self.digest = f"eye-{given.rpartition('/')[2] or 'default'}"

    def unavailable(self):
        return "" if self.given else "it needs weights: eye@PATH"

    def observe(self, samples):
        return {"seen": [1.0] * len(samples)}


ENTRIES = (InstrumentEntry("eye", f"{__name__}:Eye", "an eye"),)
"""


def test_an_instrument_takes_its_weights_by_name_and_the_device_of_the_command(toy, call) -> None:
    write_plugin(toy / "site", "eyes", EYE)
    catalog.refresh()
    folder = RunFolder.open(str(toy_runs(call)[0]))
    assert call("observe", "runs", "-i", "eye")[0] == 0
    assert folder.unavailable() == {"eye": "it needs weights: eye@PATH"}
    assert call("observe", "runs", "-i", f"eye@{toy}/weights", "--device", "meta")[0] == 0
    assert folder.unavailable() == {} and folder.instruments()["eye"] == "eye-weights"
    (kept,) = folder.folder.read_json("environment.json")["observed"]["eye"].items()
    assert kept[1]["device"].startswith("meta ")
    assert folder.environments(observations_folder("eye", "eye-weights")) == {kept[0]}
    assert str(toy) not in (Path(folder.path) / "manifest.json").read_text()
    assert call("observe", "runs")[0] == 0 and folder.unavailable() == {}  # the path is known on this machine
    code, _, err = call("observe", "runs", "--device", "cuda:99")
    assert code == 2 and "not on this machine" in err
