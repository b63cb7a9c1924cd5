"""Perplexity: equal to lm-eval's arithmetic from the model's words to the estimate, what pairs, what fails and why."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import catalog
from harness.contracts import Case, Estimate, Likelihood, Sample, ScoresImages, ScoresText, ScoresTextInStrides
from harness.errors import UserError
from harness.measure import measure
from harness.metrics.likelihood import bits_per_byte, byte_perplexity, word_perplexity
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder
from tasks.data import wikipedia
from tasks.perplexity.scored import complaint, readable, text_sizes
from tasks.perplexity.tasks import NAMES, build, build_strided
from tasks.tokenizing.sources import WorldSource

NAMES_AT_HAND = tuple(name for name in NAMES if not name.startswith("wiki"))
PICTURES = tuple(name for name in NAMES if "image" in name)
TEXT = "The quick brown fox"


class Reader:
    """A text costs the nats that ``price`` names for it; a picture half a nat per code and its caption's length."""

    version = 1
    image_size = 32

    def __init__(self, price: Callable[[str], float] = len, size: int = 32) -> None:
        self.price, self.image_size = price, size
        self.shown: list[torch.Tensor] = []

    def score_text(self, texts: Sequence[str], images: torch.Tensor | None = None) -> list[Likelihood]:
        if images is not None:
            self.shown.append(images)
        lights = [0.0] * len(texts) if images is None else images.flatten(1).mean(dim=1).double().tolist()
        found = (self.price(text) * (1 - light) for text, light in zip(texts, lights, strict=True))
        return [Likelihood(nats, len(text), 97) for nats, text in zip(found, texts, strict=True)]

    def score_text_in_strides(self, texts: Sequence[str], share: float) -> list[Likelihood]:
        """Overlapping windows save a tenth."""
        self.share = share
        return [Likelihood(0.9 * one.nats, one.tokens, one.choices) for one in self.score_text(texts)]

    def score_images(self, images: torch.Tensor, prompts: Sequence[str] | None = None) -> list[Likelihood]:
        self.shown.append(images)
        told = [0.0] * len(images) if prompts is None else [0.01 * len(text) for text in prompts]
        return [Likelihood(4 - saved, 8, 16) for saved in told]


def made(root: Path, task: Any, subject: Any, limit: int | None = None, batch: int = 4) -> list[Sample]:
    """The samples of a run, by the engine."""
    return [sample for unit in stored(root, task, subject, limit, batch).samples() for sample in unit]


def stored(root: Path, task: Any, subject: Any, limit: int | None = None, batch: int = 4) -> RunFolder:
    spec = RunSpec("reader", 1, "", task.name, task.version, task.data_revision, batch=batch, unit_size=16)
    folder = RunFolder.create_or_open(root, spec)
    run(spec, task, lambda: subject, folder, limit=limit)
    return folder


def measured(folder: RunFolder, task: Any) -> dict[str, Estimate]:
    metrics = [catalog.make("metric", name) for name in task.metrics]
    assert [metric.name for metric in metrics] == list(task.metrics)
    return {item.metric: item for item in measure(folder, metrics, task.fingerprint) if not item.stratum}


def text_file(folder: Path, *lines: bytes) -> str:
    path = folder / "lines.txt"
    path.write_bytes(b"\n".join(lines))
    return str(path)


# ------------------------------------------------------------------------------------------------ lm-eval's arithmetic


def lm_eval(log_likelihoods: Sequence[float], docs: Sequence[str]) -> tuple[float, float, float]:
    """(word perplexity, byte perplexity, bits per byte) as lm-eval defines them, in float64: words are what white space
    separates, bytes are UTF-8, and there is one ratio for the corpus."""
    total = math.fsum(log_likelihoods)
    words = sum(len(re.split(r"\s+", doc)) for doc in docs)
    size = sum(len(doc.encode("utf-8")) for doc in docs)
    return math.exp(-total / words), math.exp(-total / size), -total / size / math.log(2)


@given(st.lists(st.tuples(st.text("aé 漢\t", min_size=1).filter(str.strip), st.floats(0, 60)), min_size=1, max_size=12))
def test_equal_to_lm_evals_arithmetic(corpus: list[tuple[str, float]]) -> None:
    docs, nats = [doc for doc, _ in corpus], [value for _, value in corpus]
    sizes = [text_sizes(doc) for doc in docs]
    columns = {
        "case": [str(number) for number in range(len(docs))],
        "number.nats": np.array(nats),
        **{f"number.{key}": np.array([size[key] for size in sizes]) for key in ("words", "bytes")},
    }
    expected = lm_eval([-value for value in nats], docs)
    for metric, value in zip((word_perplexity(), byte_perplexity(), bits_per_byte()), expected, strict=True):
        tops, bottoms = metric.parts(columns)
        ratio = float(tops.sum() / bottoms.sum())
        assert (metric.traits.monotone(ratio) if metric.traits.monotone else ratio) == pytest.approx(value, rel=1e-12)


def test_a_run_is_equal_to_lm_evals_arithmetic(tmp_path: Path) -> None:
    """From the file to the estimate, with a model of letters whose probabilities are known."""
    docs = ["one  two three", "über 漢字", "a b c d e f g", "x"]
    shares = {letter: (1 + ord(letter) % 7) / 40 for letter in set("".join(docs))}

    def nats(text: str) -> float:
        return -math.fsum(math.log(shares[letter]) for letter in text)

    task = build(text_file(tmp_path, *(doc.encode() for doc in docs)), Reader(nats))
    found = measured(stored(tmp_path / "runs", task, Reader(nats)), task)
    expected = lm_eval([-nats(doc) for doc in docs], docs)
    names = ("word-perplexity", "byte-perplexity", "bits-per-byte")
    assert [found[name].value for name in names] == pytest.approx(list(expected), rel=1e-12)


def test_chance_through_a_whole_run(fakes: ModuleType, tmp_path: Path) -> None:
    """The fake draws bytes and codes evenly; a picture or a caption saves a quarter."""
    subject = fakes.Speaker()
    assert isinstance(subject, ScoresText) and isinstance(subject, ScoresImages)
    found = {
        name: measured(stored(tmp_path, build(name, subject), subject, 24), build(name, subject))
        for name in NAMES_AT_HAND
    }
    assert found["captions"]["bits-per-byte"].value == pytest.approx(8)
    assert found["captions-given-image"]["bits-per-byte"].value == pytest.approx(6)
    codes, told = found["image-codes"], found["image-codes-given-caption"]
    full = 64 * math.log2(subject.codebook_size)
    assert codes["nll-bits-per-image"].value == codes["bits-per-image"].value == pytest.approx(full)
    assert codes["nll-over-log-codebook"].value == pytest.approx(1)
    assert codes["nll-bits-per-pixel"].value == pytest.approx(full / 1024)
    assert told["nll-over-log-codebook"].value == pytest.approx(0.75)
    assert told["bits-from-context"].value == pytest.approx(full / 4)


# ------------------------------------------------------------------------------------------------ cases and pairs


def test_captions_and_codes_are_compared_on_the_same_cases(tmp_path: Path) -> None:
    subject = Reader()
    by_name = {name: made(tmp_path / name, build(name, subject), subject, 8) for name in NAMES_AT_HAND}
    ids = [case.id for case in WorldSource().cases()[:8]]
    assert all([sample.case.id for sample in samples] == ids for samples in by_name.values())
    for alone, given_it in (("captions", "captions-given-image"), ("image-codes", "image-codes-given-caption")):
        for one, other in zip(by_name[alone], by_name[given_it], strict=True):
            assert other.numbers["nats_alone"] == one.numbers["nats"]
            assert other.numbers["nats_saved"] == one.numbers["nats"] - other.numbers["nats"] > 0
    sample = by_name["captions"][0]
    caption = sample.case.facts["caption"]
    assert sample.numbers["bytes"] == len(caption) and sample.numbers["words"] == caption.count(" ") + 1
    assert sample.numbers["bits"] == pytest.approx(len(caption) * math.log2(97))


def test_each_caption_is_given_its_own_picture() -> None:
    subject = Reader()
    task = build("captions-given-image", subject)
    cases = task.cases()[:3]
    task.ask(subject, cases, [task.load(case) for case in cases], [0, 0, 0])
    (seen,) = subject.shown
    world = WorldSource()
    for case, picture in zip(cases, seen, strict=True):
        assert torch.equal((picture * 255).round().byte().permute(1, 2, 0), torch.from_numpy(world.image(case)))


@pytest.mark.parametrize("name", PICTURES)
def test_a_model_of_another_size_is_shown_that_size_and_the_fingerprint_says_so(name: str) -> None:
    subject = Reader(size=64)
    task = build(name, subject)
    case = task.cases()[0]
    (sample,) = task.ask(subject, [case], [task.load(case)], [0])
    assert subject.shown[0].shape == (1, 3, 64, 64)
    assert task.fingerprint != build(name, Reader()).fingerprint
    assert sample.numbers.get("pixels") in (None, 64.0**2)


@pytest.mark.skipif(not wikipedia.wikipedia_at_hand(), reason="gensim is not installed")
def test_wikipedias_cases_are_its_test_paragraphs_by_article_and_a_limit_takes_from_all() -> None:
    task = build("wikipedia", Reader())
    cases = task.cases()
    assert sorted(task.load(case) for case in cases) == sorted(wikipedia.open_wikipedia("test"))
    assert {case.group for case in cases} == {title for title, _ in wikipedia.open_articles("test")}
    assert all(case.facts["title"] == case.group for case in cases)
    assert len({case.group for case in cases[:100]}) >= 9
    texts = {text for case in cases for text in [task.load(case)]}
    assert not texts & set(wikipedia.open_wikipedia("train"))


def test_texts_are_not_stored(tmp_path: Path) -> None:
    """A corpus has a licence of its own, and run folders are passed on."""
    task = build(text_file(tmp_path, b"secret words of somebody"), Reader())
    (sample,) = made(tmp_path / "runs", task, Reader())
    assert sample.numbers["words"] == 4 and "secret" not in str(sample)


# ------------------------------------------------------------------------------------------------ what fails, and why


def test_blank_lines_are_no_cases(tmp_path: Path) -> None:
    task = build(text_file(tmp_path, b"good", b"", b"  \t", "gut für".encode()), Reader())
    samples = made(tmp_path / "runs", task, Reader())
    assert [(sample.case.id, sample.outcome) for sample in samples] == [
        ("text-lines-000001", "ok"),
        ("text-lines-000004", "ok"),
    ]
    found = measured(stored(tmp_path / "runs", task, Reader()), task)
    assert found["byte-perplexity"].value == pytest.approx(math.exp((4 + 7) / (4 + 8)))


def test_line_ends_of_another_kind_and_a_byte_order_mark_change_neither_text_nor_key(tmp_path: Path) -> None:
    plain = "a red circle\nzwei grüne Quadrate\nx\u0085y\u2028z\n".encode()
    told = []
    for number, content in enumerate((plain, plain.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + plain)):
        path = tmp_path / str(number) / "lines.txt"
        path.parent.mkdir()
        path.write_bytes(content)
        task = build(str(path), Reader())
        told.append((task.data_revision, [(case.id, task.load(case)) for case in task.cases()]))
    assert told[0] == told[1] == told[2] and len(told[0][1]) == 3
    assert told[0][1][2] == ("text-lines-000003", "x\u0085y\u2028z")


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    for content in ("two lines\nof text\n".encode("utf-16"), b"good\nb\xffd\n"):
        (tmp_path / "lines.txt").write_bytes(content)
        with pytest.raises(UserError, match=r"lines\.txt, line [12]: .*UTF-8"):
            build(str(tmp_path / "lines.txt"), Reader()).cases()


@pytest.mark.parametrize("text", ["", " \n\t", "\u2003"])
def test_an_empty_text_fails(text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        readable(text)


def test_half_a_surrogate_pair_fails() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        readable("a \ud800 b")
    assert readable(TEXT) == TEXT


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Likelihood(math.nan, 3, 9), "not finite (nan)"),
        (Likelihood(math.inf, 3, 9), "not finite (-inf)"),
        (Likelihood(-0.5, 3, 9), "above 0 (0.5)"),
        (Likelihood(1.0, 0, 9), "counted 0 tokens"),
        (Likelihood(1.0, 3, 1), "a vocabulary of 1"),
        (Likelihood(0.0, 3, 2), ""),
    ],
)
def test_what_is_no_likelihood_is_said(found: Likelihood, reason: str) -> None:
    assert reason in complaint(found) and bool(reason) == bool(complaint(found))


@pytest.mark.parametrize("name", NAMES_AT_HAND)
def test_nan_for_one_case_is_a_failed_sample_and_the_others_are_scored(name: str, tmp_path: Path) -> None:
    class Dizzy(Reader):
        """Answers NaN for the third case, whatever it is given; in the pairs, only given nothing."""

        def score_text(self, texts: Sequence[str], images: torch.Tensor | None = None) -> list[Likelihood]:
            return [Likelihood(math.nan if text == third else len(text), 5, 9) for text in texts]

        def score_images(self, images: torch.Tensor, prompts: Sequence[str] | None = None) -> list[Likelihood]:
            bad = [prompts is None and torch.equal(image, images[2]) for image in images]
            return [Likelihood(math.nan if wrong else 1.0, 5, 9) for wrong in bad]

    third = WorldSource().cases()[2].facts["caption"]
    task = build(name, Dizzy())
    samples = made(tmp_path, task, Dizzy(), 6, batch=6)
    assert [sample.outcome for sample in samples] == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert "not finite" in samples[2].reason and not samples[2].numbers
    estimates = measured(stored(tmp_path, task, Dizzy(), 6, batch=6), task)
    assert all(item.failed == 1 and item.scored == 5 and item.value is not None for item in estimates.values())


def test_a_model_that_answers_for_too_few_fails_every_case(tmp_path: Path) -> None:
    class Short(Reader):
        def score_text(self, texts: Sequence[str], images: torch.Tensor | None = None) -> list[Likelihood]:
            return super().score_text(texts, images)[:-1]

    samples = made(tmp_path, build("captions", Short()), Short(), 5)
    assert {sample.outcome for sample in samples} == {"failed"}


def test_a_file_without_text_and_an_unknown_name_are_one_line(tmp_path: Path) -> None:
    for argument, said in (
        (text_file(tmp_path, b"", b"  "), "holds no text"),
        ("captoins", "did you mean 'captions'"),
        ("", "known: captions"),
        (str(tmp_path), "give a text file"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            build(argument, Reader()).cases()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PICTURES)
def test_a_model_that_sees_nothing_is_refused_by_name(name: str) -> None:
    class Blind:
        def score_text(self, texts: Sequence[str], images: None = None) -> list[Likelihood]:
            return [Likelihood(1.0, 1, 2) for _ in texts]

    with pytest.raises(UserError, match=f"perplexity@{name} shows pictures"):
        build(name, Blind())
    assert build("captions", Blind()).examines == "ScoresText"


# ------------------------------------------------------------------------------------------------ the same numbers


def test_neither_batch_nor_limit_changes_a_number(tmp_path: Path) -> None:
    subject = Reader(lambda text: len(text) / 3)
    task = build("captions-given-image", subject)
    one = made(tmp_path / "a", task, subject, 7, batch=1)
    many = made(tmp_path / "b", task, subject, 12, batch=5)[:7]
    assert [dict(sample.numbers) for sample in one] == [dict(sample.numbers) for sample in many]


def test_the_revision_is_that_of_the_content(tmp_path: Path) -> None:
    before = build(text_file(tmp_path, b"one"), Reader()).data_revision
    assert build(text_file(tmp_path, b"one"), Reader()).data_revision == before
    assert build(text_file(tmp_path, b"two"), Reader()).data_revision != before


def test_numbers_are_finite_floats_and_state_what_was_counted(tmp_path: Path) -> None:
    subject = Reader()
    for name in NAMES_AT_HAND:
        task = build(name, subject)
        case: Case = task.cases()[0]
        (sample,) = task.ask(subject, [case], [task.load(case)], [0])
        assert all(isinstance(value, float) and math.isfinite(value) for value in sample.numbers.values())
        assert {"nats", "tokens", "choices", "bits"} <= sample.numbers.keys()


# ------------------------------------------------------------------------------------------------ WikiText, and strides


def wikitext(miniatures: ModuleType, folder: Path) -> str:
    """A miniature of the hub's files, two documents."""
    rows = [{"text": line} for line in miniatures.LINES]
    return f"wikitext:{miniatures.write(folder / 'hub' / 'test-0.parquet', rows)}"


def test_wikitext_is_scored_detokenised_and_counted_as_it_was(miniatures: ModuleType, tmp_path: Path) -> None:
    task = build(wikitext(miniatures, tmp_path), Reader())
    cases = task.cases()
    assert [(case.id, case.facts["title"]) for case in cases] == [
        ("wikitext-0000", "Robert Boulter"), ("wikitext-0001", "Du Fu"),
    ]  # fmt: skip
    shown = [task.load(case) for case in cases]
    assert 'He had a small-role, "Craig", in 2,000 films.' not in shown[0], "marks join what they stand between"
    assert 'a-small role, "Craig", in 2,000 films.' in shown[0] and "(712" in shown[1] and "poet's poet" in shown[1]
    pages = [task.source.counted(case) for case in cases]
    for sample, page in zip(made(tmp_path / "runs", task, Reader()), pages, strict=True):
        assert sample.numbers["words"] == len(re.split(r"\s+", page)) and sample.numbers["bytes"] == len(page.encode())
        assert sample.numbers["bytes"] > sample.numbers["nats"], "the fake costs a nat a character of what it is shown"
    expected = lm_eval([-float(len(text)) for text in shown], pages)
    found = measured(stored(tmp_path / "runs", task, Reader()), task)
    names = ("word-perplexity", "byte-perplexity", "bits-per-byte")
    assert [found[name].value for name in names] == pytest.approx(list(expected), rel=1e-12)


def test_strides_are_another_task_with_another_fingerprint(miniatures: ModuleType, tmp_path: Path) -> None:
    argument, subject = wikitext(miniatures, tmp_path), Reader()
    apart, overlapping = build(argument, subject), build_strided(argument, subject)
    assert (apart.name, overlapping.name) == ("perplexity-wikitext", "perplexity-strided-wikitext")
    assert apart.data_revision == overlapping.data_revision and apart.fingerprint != overlapping.fingerprint
    assert "each 0.5 of it after" in overlapping.fingerprint["windows"]
    assert overlapping.examines == "ScoresTextInStrides" and isinstance(subject, ScoresTextInStrides)
    one, other = (measured(stored(tmp_path, task, subject), task) for task in (apart, overlapping))
    assert subject.share == 0.5
    assert other["bits-per-byte"].value == pytest.approx(0.9 * (one["bits-per-byte"].value or 0))
    assert other["token-perplexity"].value == pytest.approx(math.exp(0.9)) and "token-perplexity" not in one
    assert other["token-perplexity"].direction == "none"


def test_strides_are_of_texts_alone(tmp_path: Path) -> None:
    assert build_strided("captions", Reader()).metrics[-2:] == ("bits-per-text", "token-perplexity")
    with pytest.raises(UserError, match="no texts at 'image-codes'"):
        build_strided("image-codes", Reader())
    with pytest.raises(UserError, match="did you mean 'wikitext'"):
        build("wikitex", Reader())


@pytest.mark.parametrize("name", [name for name in NAMES_AT_HAND])
def test_what_the_first_token_is_predicted_from_stands_in_the_fingerprint(name: str) -> None:
    from_begin, from_end, unsaid = Reader(), Reader(), Reader()
    from_begin.first_context, from_end.first_context = "begin marker", "end marker"  # type: ignore[attr-defined]
    told = [build(name, subject).fingerprint["first_context"] for subject in (from_begin, from_end, unsaid)]
    assert told == ["begin marker", "end marker", "not stated"]
