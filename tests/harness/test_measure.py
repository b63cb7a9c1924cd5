"""Measuring a stored run: scores and estimates, what is absent and why, failures, refusals, the same bytes twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.contracts import Case, Estimate, Sample
from harness.errors import UserError
from harness.measure import measure
from harness.metrics.codebook import bits_per_image, code_perplexity, codebook_use
from harness.metrics.ratio import Ratio
from harness.metrics.reconstruction import lpips, psnr
from harness.spec import RunSpec
from harness.statistics import Jackknife, jackknife_difference, ratio_difference
from harness.store.parts import encode_observations, encode_samples, sample_row
from harness.store.run_folder import RunFolder, case_set_digest, observations_folder
from tasks.world.measures import fd_world, kd_world
from tasks.world.objects import object_f1, object_recall

COUNT = 60
ALL = (psnr(), object_recall(), fd_world(), codebook_use(), code_perplexity(), bits_per_image())
Look = Callable[[int], Mapping[str, Any]]


def looks(quality: float) -> dict[str, Look]:
    """What the instruments see in case i; ``quality`` moves everything."""

    def pixels(index: int) -> Mapping[str, Any]:
        return {"mse": (1 + 0.5 * np.sin(index)) * 0.01 / quality, "ssim": 0.5, "l1": 0.1}

    def detector(index: int) -> Mapping[str, Any]:
        lost = index % 3 == 0
        return {"tp": 2 - lost, "fp": 0, "fn": int(lost)}

    def features(index: int) -> Mapping[str, Any]:
        rng = np.random.default_rng(index)
        reference = rng.normal(size=5).astype(np.float32)
        return {"reference": reference, "output": (reference + rng.normal(size=5) / quality).astype(np.float32)}

    return {"pixels": pixels, "world-detector": detector, "world-features": features}


def stored_run(
    root: Path,
    seen: Mapping[str, Look],
    *,
    failed: Sequence[int] = (),
    blind: Sequence[int] = (),
    count: int = COUNT,
    order: Sequence[int] | None = None,
    model: str = "fake",
    codes: int = 4,
) -> RunFolder:
    """A run folder with one unit: cases in this order; in the ``blind`` ones ``pixels`` failed."""
    folder = RunFolder.create_or_open(root, RunSpec(model, 1, "", "task", 1, "r1"))
    samples = []
    for index in range(count) if order is None else order:
        case = Case(f"case-{index:03d}", f"group-{index // 2:03d}", "odd" if index % 2 else "even")
        made = tuple((index * 7 + k) % 16 for k in range(codes))
        ok = Sample(case, codes=made, numbers={"bits": 16.0, "codebook_size": 16.0})
        samples.append(Sample(case, "failed", "too dark") if index in failed else ok)
    part = folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    for name, look in seen.items():
        cases = [sample.case.id for sample in samples if sample.outcome == "ok"]
        missed = [name == "pixels" and int(case[-3:]) in blind for case in cases]
        rows = [look(int(case[-3:])) for case in cases]
        columns = {key: [None if m else row[key] for m, row in zip(missed, rows, strict=True)] for key in look(0)}
        reasons = ["could not look" if m else "" for m in missed]
        data = encode_observations(cases, columns, reasons, {"samples": part.digest})
        folder.write_part("00000", data, observations_folder(name, f"{name}-digest"))
    folder.write_manifest(instruments={name: f"{name}-digest" for name in seen}, unavailable={"lpips": "no backbone"})
    return folder


def by_name(estimates: Sequence[Estimate], stratum: str = "") -> dict[str, Estimate]:
    return {item.metric: item for item in estimates if item.stratum == stratum}


def test_values_are_those_of_the_columns(tmp_path: Path) -> None:
    folder = stored_run(tmp_path, looks(1.0))
    found = by_name(measure(folder, ALL, {"reference": "fake"}))
    mse = np.array([looks(1.0)["pixels"](index)["mse"] for index in range(COUNT)])
    assert found["psnr"].value == pytest.approx(np.mean(-10 * np.log10(mse)))
    assert found["object-recall"].value == pytest.approx(100 / 120)
    assert found["codebook-use"].value == 1.0
    assert found["bits-per-image"].value == found["bits-per-image"].low == found["bits-per-image"].high == 16.0
    for item in found.values():
        assert item.scored == COUNT and item.failed == 0 and item.absent == ""
        assert item.low is not None and item.high is not None and item.value is not None
        assert item.low <= item.value <= item.high
    assert found["fd-world"].method.startswith("infinitesimal jackknife") and "BCa" in found["psnr"].method
    assert found["psnr"].fingerprint["pixels"] == "pixels-digest" and "world-features" not in found["psnr"].fingerprint
    assert found["fd-world"].fingerprint["n"] == COUNT and found["fd-world"].fingerprint["reference"] == "fake"


def test_strata_add_up(tmp_path: Path) -> None:
    estimates = measure(stored_run(tmp_path, looks(1.0)), ALL, {})
    even, odd, whole = by_name(estimates, "even"), by_name(estimates, "odd"), by_name(estimates)
    assert set(even) == {"psnr", "object-recall", "bits-per-image"}
    assert even["psnr"].scored + odd["psnr"].scored == whole["psnr"].scored
    assert whole["psnr"].value == pytest.approx(((even["psnr"].value or 0) + (odd["psnr"].value or 0)) / 2)


def test_scores_are_long_sorted_and_give_the_estimate_back(tmp_path: Path) -> None:
    folder = stored_run(tmp_path, looks(1.0))
    found = by_name(measure(folder, ALL, {}))
    frame = folder.read_scores()
    assert list(frame.columns) == ["metric", "case", "group", "stratum", "numerator", "denominator"]
    assert frame.equals(frame.sort_values(["metric", "case"], ignore_index=True))
    for metric, rows in frame.groupby("metric"):
        assert rows["numerator"].sum() / rows["denominator"].sum() == pytest.approx(found[str(metric)].value)
    assert (frame["metric"] == "psnr").sum() == COUNT and (frame["metric"] == "fd-world").sum() == COUNT
    assert folder.read_estimates() == list(measure(folder, ALL, {}))
    assert folder.measured() == case_set_digest([f"case-{index:03d}" for index in range(COUNT)])


def test_twice_the_same_bytes_and_in_any_order_of_cases(tmp_path: Path) -> None:
    def measured_bytes(folder: RunFolder) -> dict[str, bytes]:
        measure(folder, ALL, {"reference": "fake"})
        place = Path(folder.path) / "measures" / folder.measured()
        return {path.name: path.read_bytes() for path in sorted(place.iterdir())}

    folder = stored_run(tmp_path / "one", looks(1.0))
    first = measured_bytes(folder)
    assert measured_bytes(folder) == first and set(first) == {"scores.parquet", "estimates.json"}
    order = np.random.default_rng(0).permutation(COUNT).tolist()
    assert measured_bytes(stored_run(tmp_path / "two", looks(1.0), order=order)) == first
    json.loads(first["estimates.json"], parse_constant=lambda name: pytest.fail(f"{name} was written"))


def test_failures_are_counted_and_bounded_never_scored(tmp_path: Path) -> None:
    folder = stored_run(tmp_path, looks(1.0), failed=(0, 1, 2, 5, 9, 30))
    found = by_name(measure(folder, ALL, {}))
    item = found["psnr"]
    assert (item.scored, item.failed) == (54, 6)
    assert item.value is not None and item.failures_wrong == pytest.approx(item.value * 54 / 60)
    recall = found["object-recall"]
    assert recall.value is not None and recall.failures_wrong == pytest.approx(recall.value * 54 / 60)
    assert found["bits-per-image"].failures_wrong is None and found["fd-world"].failures_wrong is None
    scored = folder.read_scores().query("metric == 'psnr'")["case"]
    assert len(scored) == 54 and "case-000" not in set(scored)
    assert folder.measured() == case_set_digest([f"case-{index:03d}" for index in range(COUNT)])


def test_where_an_instrument_failed_the_case_failed_for_its_metrics_alone(tmp_path: Path) -> None:
    found = by_name(measure(stored_run(tmp_path, looks(1.0), blind=(3, 4)), ALL, {}))
    assert (found["psnr"].scored, found["psnr"].failed) == (58, 2)
    assert (found["object-recall"].scored, found["object-recall"].failed) == (60, 0)


def test_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    seen = {name: look for name, look in looks(1.0).items() if name == "pixels"}
    folder = stored_run(tmp_path, seen, codes=0)
    metrics = [psnr(), lpips(), object_f1(), code_perplexity(), Ratio("joules", ("number.joules",))]
    found = by_name(measure(folder, metrics, {}, unavailable={"world-detector": "not for photographs"}))
    assert found["psnr"].value is not None
    absent = {name: item.absent for name, item in found.items() if item.value is None}
    assert absent == {
        "lpips": "no backbone",
        "object-f1": "world-detector: not for photographs",
        "code-perplexity": "this model makes no codes",
        "joules": "the task states no 'joules'",
    }
    assert all(found[name].low is None and found[name].scored == 0 for name in absent)
    unseen = by_name(measure(folder, [fd_world()], {}))["fd-world"]
    assert unseen.absent == "world-features has no column 'output' here: observe it first"


def test_a_ratio_without_anything_to_count_is_not_measured(tmp_path: Path) -> None:
    seen = {**looks(1.0), "world-detector": lambda index: {"tp": 0, "fp": 0, "fn": 0}}
    found = by_name(measure(stored_run(tmp_path, seen), [object_recall()], {}))["object-recall"]
    assert found.value is None and found.absent == "undefined, nothing was there to count (0 / 0)"


def test_when_all_cases_failed_nothing_is_measured(tmp_path: Path) -> None:
    folder = stored_run(tmp_path, {}, failed=range(4), count=4)
    found = by_name(measure(folder, [psnr(), fd_world()], {}))
    assert {item.absent for item in found.values()} == {"all 4 cases failed"}
    assert {item.failed for item in found.values()} == {4} and folder.read_scores().empty


def test_few_cases_have_values_without_intervals(tmp_path: Path) -> None:
    found = by_name(measure(stored_run(tmp_path, looks(1.0), count=8), ALL, {}))
    assert found["psnr"].value is not None and found["psnr"].low is None
    assert found["psnr"].method == "no interval: 4 clusters, 8 needed"
    assert found["fd-world"].low is None and "4 clusters, 20 groups needed" in found["fd-world"].method


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_value_that_is_not_finite_is_refused_by_name_and_nothing_is_written(tmp_path: Path, bad: float) -> None:
    def pixels(index: int) -> Mapping[str, Any]:
        return {"mse": bad if index == 7 else 0.1, "ssim": 0.5, "l1": 0.1}

    folder = stored_run(tmp_path, {"pixels": pixels})
    with pytest.raises(UserError, match=r"psnr: column pixels\.mse is not finite for 'case-007'"):
        measure(folder, [psnr()], {})
    assert folder.measured() == "" and not (Path(folder.path) / "measures").exists()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    folder = RunFolder.create_or_open(tmp_path, RunSpec("fake", 1, "", "task", 1, "r1"))
    with pytest.raises(UserError, match="run it first"):
        measure(folder, [psnr()], {})


def test_a_limit_measures_the_first_cases_under_their_own_digest(tmp_path: Path) -> None:
    folder = stored_run(tmp_path, looks(1.0))
    measure(folder, ALL, {})
    found = by_name(measure(folder, ALL, {}, limit=24))
    assert found["psnr"].scored == 24
    assert folder.measured() == case_set_digest([f"case-{index:03d}" for index in range(24)])
    assert len(list((Path(folder.path) / "measures").iterdir())) == 2


@pytest.mark.parametrize(
    ("metric", "cases"),
    [(kd_world(), [f"jackknife-{group:02d}" for group in range(20)]), (fd_world(), [])],
)
def test_rows_of_a_set_metric_pair_two_models(metric: Any, cases: list[str], tmp_path: Path) -> None:
    """What a table does with rows of any metric, pairing them by case, is close to the paired jackknife of the sets."""
    frames = []
    for model, quality in (("good", 3.0), ("poor", 2.0)):
        folder = stored_run(tmp_path, looks(quality), model=model)
        measure(folder, [metric], {})
        frames.append(folder.read_scores())
    good, poor = frames
    assert list(good["case"]) == list(poor["case"]) == (cases or [f"case-{index:03d}" for index in range(COUNT)])
    ones = np.ones(len(good))
    found = ratio_difference((good["numerator"], ones), (poor["numerator"], ones), list(good["group"]))
    exact = jackknife_difference(
        *(Jackknife(frame["numerator"].mean(), frame["numerator"].to_numpy()) for frame in frames)
    )
    assert found.value == pytest.approx(exact.value) and found.value < 0
    assert found.low is not None and exact.low is not None and found.low == pytest.approx(exact.low, rel=0.25)
    assert found.p is not None and exact.p is not None and found.p == pytest.approx(exact.p, abs=0.05)


class ShareOfAll:
    """The sum of these cases' errors over that of all cases, which ``given`` holds fixed."""

    name, version, direction, unit, needs = "share", 1, "none", "", ("pixels.mse",)

    def __init__(self, total: float = 0.0) -> None:
        self.total = total

    def given(self, columns: Mapping[str, Any]) -> ShareOfAll:
        return ShareOfAll(float(columns["pixels.mse"].sum()))

    def state(self, columns: Mapping[str, Any]) -> float:
        return float(columns["pixels.mse"].sum())

    def value(self, state: float) -> float:
        return state / self.total


@pytest.mark.parametrize("count", [COUNT, 12])
def test_what_a_metric_is_given_stays_while_groups_leave(tmp_path: Path, count: int) -> None:
    folder = stored_run(tmp_path, looks(1.0), count=count)
    share = by_name(measure(folder, [ShareOfAll()], {}))["share"]
    assert share.value == pytest.approx(1.0)
    if count < COUNT:
        assert share.low is None
        return
    # Without a fixed total every group left out would leave a share of 1, and an interval without width.
    assert share.low is not None and share.high is not None and share.low < 0.99 < 1.01 < share.high
