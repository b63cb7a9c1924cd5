"""What runs say of a claim: verdicts by the interval, seeds and cases as units, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from reports.claims.answers import Answer, answer, judged
from reports.claims.statements import Claim, claims_of
from reports.reading.runs import read_stored

TASK = "reconstruction-world"
BASE: dict[str, Any] = {
    **dict.fromkeys(("topic", "says", "quote", "source", "margin_reason"), "words"),
    "measured_by": "ddtbench run reconstruction@world --model ddt-llama",
    "name": "one",
    "task": "reconstruction@world",
    "metric": "psnr",
    "test": "welch",
    "unit": "training seed",
    "side": "above",
    "terms": [{"weight": 1, "tokenizer": "sharp"}, {"weight": -1, "tokenizer": "soft"}],
}
PAIRED = {"test": "paired", "unit": "case"}


def stated(**change: Any) -> Claim:
    (claim,) = claims_of({"claim": [{**BASE, **change}]}, "claims.toml")
    return claim


@pytest.fixture
def trained(maker: Any, subject: Callable[..., Any]) -> Callable[..., Any]:
    """Stores models, each of (tokenizer, seed, blur), with what else is told of its training."""

    def store(*made: tuple[str, int, float], order: str = "native", size: float = 1e6, **more: Any) -> Any:
        subjects = []
        for tokenizer, seed, blur in made:
            recipe = {"name": f"{tokenizer}-{order}-s{seed}", "tokenizer": f"{tokenizer}@zoo/x", "seed": seed}
            said = {"non_embedding_parameters": size, "tokens_seen": 4e6, "training_flops": 24 * size * 1e6}
            told = {"training": {**said, "stage": "pretrain", "share": 1.0, "recipe": {**recipe, "order": order}}}
            name = f"mllm@{tokenizer}-{order.partition('(')[0]}-{size:g}-{seed}"
            subjects.append(subject(name, blur, cost=told, **more))
        maker.task(TASK, subjects, cases=12)
        return maker.root

    return store


SHARP = (("sharp", 0, 0.40), ("sharp", 1, 0.42), ("sharp", 2, 0.41))
SOFT = (("soft", 0, 0.80), ("soft", 1, 0.84), ("soft", 2, 0.82))


def of(root: Any, claim: Claim) -> Answer:
    return answer(claim, read_stored(str(root)).runs)


@pytest.mark.parametrize(
    ("side", "margin", "low", "high", "verdict"),
    [
        ("above", 0.0, 0.1, 0.2, "supported"),
        ("above", 0.15, 0.1, 0.2, "undetermined"),
        ("above", 0.0, -0.1, 0.2, "undetermined"),
        ("above", 0.15, -0.2, -0.1, "refuted"),
        ("below", 0.0, -0.2, -0.1, "supported"),
        ("below", 0.15, -0.2, -0.1, "undetermined"),
        ("below", 0.15, 0.01, 0.2, "refuted"),
        ("above", 0.0, 0.0, 0.2, "undetermined"),
    ],
)
def test_the_verdict_is_the_place_of_the_interval(
    side: str, margin: float, low: float, high: float, verdict: str
) -> None:
    assert judged(stated(side=side, margin=margin), low, high)[0] == verdict


def test_three_seeds_a_side_decide_a_claim_about_tokenizers(trained: Any) -> None:
    from scipy import stats

    root = trained(*SHARP, *SOFT)
    found = of(root, stated())
    assert found.verdict == "supported" and found.n.startswith("3 and 3 training seeds of 1 M parameters")
    runs = read_stored(str(root)).runs
    ours, theirs = ([r.estimate("psnr").value for r in runs if f"@{name}" in r.subject] for name in ("sharp", "soft"))
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert of(root, stated(side="below")).verdict == "refuted"
    assert of(root, stated(margin=50.0)).verdict == "undetermined"
    assert "exceeds the margin" in of(root, stated(margin=0.01 + found.low)).why


def test_two_seeds_are_undetermined_and_say_whose_are_missing(trained: Any) -> None:
    found = of(trained(*SHARP, *SOFT[:2]), stated())
    assert (found.verdict, found.low) == ("undetermined", None) and found.value is not None and found.value > 0
    assert "3 seeds of each are needed (soft: 2)" in found.why and "ddtbench run" in found.why


def test_a_second_run_of_one_seed_is_no_second_seed(maker: Any, trained: Any, subject: Callable[..., Any]) -> None:
    root = trained(*SHARP, *SOFT[:2])
    again = next(run for run in read_stored(str(root)).runs if "soft-native-1e+06-1" in run.subject)
    maker.task(TASK, [subject("mllm@again", 0.6, cost=dict(again.cost))], cases=12)
    assert "(soft: 2)" in of(root, stated()).why


def test_only_one_size_stage_and_protocol_is_compared(trained: Any) -> None:
    root = trained(*SHARP, *SOFT[:2])
    trained(SOFT[2], size=5e6)
    assert "(soft: 2)" in of(root, stated()).why, "a seed of another size is none"


def test_a_difference_of_differences_takes_four_groups(trained: Any) -> None:
    terms = [
        {"weight": 1, "tokenizer": "sharp", "order": "shuffled"},
        {"weight": -1, "tokenizer": "sharp", "order": "native"},
        {"weight": -1, "tokenizer": "soft", "order": "shuffled"},
        {"weight": 1, "tokenizer": "soft", "order": "native"},
    ]
    root = trained(*SHARP, *SOFT)
    missing = of(root, stated(terms=terms))
    assert missing.verdict == "undetermined" and missing.why.startswith("not measured for sharp, shuffled order and")
    trained(*((name, seed, blur + 0.3) for name, seed, blur in SHARP), order="shuffled(1)")
    trained(*SOFT, order="shuffled(1)")
    found = of(root, stated(terms=terms, side="below"))
    assert found.verdict == "supported" and found.n.startswith("3 and 3 and 3 and 3 training seeds")


def test_cases_decide_a_claim_about_two_checkpoints(trained: Any) -> None:
    root = trained(SHARP[0], SOFT[0])
    found = of(root, stated(**PAIRED))
    assert found.verdict == "supported" and found.n == "12 cases"
    assert [len(group) for group in found.runs] == [1, 1]
    trained(("other", 0, 0.1), size=9e6)
    other = stated(**PAIRED, terms=[{"weight": 1, "tokenizer": "other"}, {"weight": -1, "tokenizer": "soft"}])
    assert "no two runs of one size and stage" in of(root, other).why


def test_unlike_cases_are_refused_with_the_overlap(maker: Any, trained: Any, subject: Callable[..., Any]) -> None:
    root = trained(SHARP[0])
    again = dict(read_stored(str(root)).runs[0].cost["training"])
    told = {"training": {**again, "recipe": {**again["recipe"], "tokenizer": "soft"}}}
    maker.task(TASK, [subject("mllm@soft", 0.8, cost=told)], cases=5)
    found = of(root, stated(**PAIRED))
    assert found.verdict == "undetermined" and "share 5 cases, of 12 and 5: fewer than half" in found.why


def test_two_metrics_of_one_run_are_paired_by_case(trained: Any) -> None:
    terms = [{"weight": 1, "tokenizer": "sharp"}, {"weight": -1, "tokenizer": "sharp", "metric": "object-f1"}]
    found = of(trained(SHARP[0]), stated(**PAIRED, terms=terms))
    assert found.verdict == "supported" and found.n == "12 cases" and len(found.runs) == 1


def test_one_checkpoint_is_held_against_zero_by_its_own_interval(trained: Any) -> None:
    one = {"test": "interval", "unit": "case", "terms": [{"weight": 1, "tokenizer": "sharp"}]}
    root = trained(SHARP[0])
    assert of(root, stated(**one)).verdict == "supported"
    assert of(root, stated(**one, side="below")).verdict == "refuted"
    assert of(root, stated(**one, metric="lpips")).why.startswith("not measured for sharp")


def test_a_trend_takes_three_sizes(trained: Any) -> None:
    """FD-world is 0.4 and three times the blur, which falls by 0.2 a decade here, but for a little."""
    terms = [{"weight": 1, "tokenizer": "sharp"}]
    one = {"test": "slope", "unit": "training", "terms": terms, "metric": "fd-world", "side": "below"}
    root = trained(("sharp", 0, 0.8), size=1e5)
    trained(("sharp", 0, 0.6), size=1e6)
    assert "two sizes" in of(root, stated(**one)).why
    trained(("sharp", 0, 0.402), size=1e7)
    found = of(root, stated(**one))
    assert found.verdict == "supported" and found.n == "3 trainings of 3 sizes"
    assert found.value == pytest.approx(-0.6, abs=0.005)
    falling = of(root, stated(**{**one, "test": "exponent", "side": "above"}))
    assert falling.value is not None and falling.value == pytest.approx(0.13, abs=0.03)


def test_a_run_with_failures_is_no_basis(trained: Any) -> None:
    root = trained(SHARP[0])
    trained(SOFT[0], failing=("scene-00001",))
    assert of(root, stated(**PAIRED)).why.startswith("not measured for soft")


# ------------------------------------------------------------------------------------------------ the command


def call(*words: Any, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def test_the_zoo_answers_by_default_and_says_of_what_models(capsys: Any) -> None:
    code, out, err = call("claims", "--format", "json", capsys=capsys)
    assert code == 0, err
    said = json.loads(out)
    assert "tiny models" in said["said_of"] and "the paper's own models" in said["said_of"]
    by_name = {row["claim"]: row for row in said["claims"]}
    codes = by_name["ddt-codes-are-easier-than-vqgan-codes"]
    assert codes["verdict"] == "refuted" and 0 < codes["low"] < codes["effect"] < codes["high"]
    assert [len(group) for group in codes["runs"]] == [3, 3]
    assert by_name["ddt-codes-are-easier-than-var-codes"]["verdict"] == "supported"
    assert by_name["ddt-draws-better-than-vqgan"]["verdict"] == "undetermined"
    assert "not measured" in by_name["tokens-tell-the-image-at-any-timestep"]["why"]


@pytest.mark.parametrize("form", ["text", "markdown", "csv"])
def test_every_format_has_every_claim(trained: Any, form: str, capsys: Any, monkeypatch: Any) -> None:
    from reports.claims.command import stated_claims

    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = call("claims", trained(SHARP[0]), "--format", form, capsys=capsys)
    assert code == 0 and out.count("undetermined") >= len(stated_claims())
    assert form != "text" or max(map(len, out.splitlines())) <= 80


def test_several_roots_are_read_together_and_a_run_in_both_counts_once(
    trained: Any, tmp_path: Path, capsys: Any
) -> None:
    from reports.claims.command import read_together

    root = str(trained(SHARP[0], SOFT[0]))
    assert len(read_together([root, root])[0]) == 2


def test_bad_input_is_one_line(trained: Any, tmp_path: Path, capsys: Any) -> None:
    root = trained(SHARP[0])
    for words, part in (
        (("claims", tmp_path / "nowhere"), "no runs under"),
        (("claims", root, tmp_path / "nowhere"), "no runs under"),
        (("claims", root, "--format", "jsn"), "did you mean 'json'?"),
    ):
        code, _, err = call(*words, capsys=capsys)
        assert code == 2 and part in err and len(err.splitlines()) == 1


def test_a_run_that_was_tampered_with_is_named_and_no_basis(trained: Any, capsys: Any) -> None:
    root = Path(trained(SHARP[0], SOFT[0]))
    changed = next(root.glob("*soft*/*/*/measures/*/estimates.json"))
    changed.write_text(changed.read_text().replace("0.", "1.", 1))
    code, _, err = call("claims", root, "--format", "csv", capsys=capsys)
    assert code == 4 and err.startswith("ddtbench: not shown: ") and len(err.splitlines()) == 1


def test_a_broken_data_file_names_itself(trained: Any, capsys: Any, monkeypatch: Any) -> None:
    from harness import catalog

    monkeypatch.setattr(catalog, "find", lambda kind, name: {"claim": [{"name": "x"}]})
    code, _, err = call("claims", trained(SHARP[0]), capsys=capsys)
    assert code == 2 and "claims.toml, claim 1 'x'" in err and len(err.splitlines()) == 1


def test_list_and_show_tell_what_is_claimed(capsys: Any) -> None:
    code, out, _ = call("list", "claims", capsys=capsys)
    assert code == 0 and "languages" in out
    code, out, _ = call("show", "claims/languages", capsys=capsys)
    assert code == 0 and "A language model predicts DDT's codes better than VQGAN's" in " ".join(out.split())
