"""The reconstruction task: what is shown, what is compared, what it costs."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from harness.contracts import Case, ImageTokenizer
from harness.images import centre_crop_resize
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder
from tasks.tokenizing import cost as cost_module
from tasks.tokenizing.cost import decode_flops, language_cost, tokenizer_cost
from tasks.tokenizing.reconstruction import OBJECT_METRICS, Reconstruction, bits_spent, build


class Blocks:
    """A source of native 32x32 pictures made of flat 4x4 blocks, which the fake tokenizer keeps exactly."""

    name = "blocks"
    revision = "blocks-1"
    native_size: int | None = 32
    about = "flat blocks"

    def cases(self) -> list[Case]:
        return [Case(f"blocks-{number}", f"blocks-{number}") for number in range(6)]

    def image(self, case: Case) -> np.ndarray:
        rng = np.random.default_rng(int(case.id[-1]))
        return (rng.integers(0, 4, (8, 8, 3)) * 85).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def test_the_sample_holds_reference_output_codes_and_numbers(fakes: ModuleType) -> None:
    subject = fakes.BlockTokenizer()
    assert isinstance(subject, ImageTokenizer)
    task = Reconstruction(Blocks(), subject)
    cases = task.cases()[:4]
    samples = task.ask(subject, cases, [task.load(case) for case in cases], [0, 1, 2, 3])
    for case, sample in zip(cases, samples, strict=True):
        assert sample.case is case and sample.outcome == "ok"
        assert np.array_equal(sample.images["reference"], Blocks().image(case))
        assert np.array_equal(sample.images["output"], sample.images["reference"])  # flat blocks of four levels survive
        assert len(sample.codes) == 64
        assert sample.numbers == {"bits": 64 * 6.0, "pixels": 1024.0, "codes": 64.0, "codebook_size": 64.0}
    assert subject.batches == [4]


def test_a_subject_of_another_size_is_compared_at_the_native_one(fakes: ModuleType) -> None:
    small, large = (Reconstruction(Blocks(), fakes.BlockTokenizer(size)) for size in (32, 64))
    subject = fakes.BlockTokenizer(64)
    case = large.cases()[0]
    (sample,) = large.ask(subject, [case], [large.load(case)], [0])
    assert sample.images["reference"].shape == sample.images["output"].shape == (32, 32, 3)
    assert np.array_equal(sample.images["reference"], Blocks().image(case))
    error = np.abs(sample.images["output"].astype(int) - sample.images["reference"]).mean()
    assert error < 16  # resampling there and back blurs the edges of blocks, no more
    assert sample.numbers["pixels"] == 64 * 64
    assert small.fingerprint["compared"] == large.fingerprint["compared"] == "32x32"
    assert small.fingerprint != large.fingerprint
    assert large.fingerprint["filter"] == "bicubic-antialias"


def test_photographs_are_cropped_and_resized_by_the_named_filter(tmp_path: Path, fakes: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    task = build(str(tmp_path), fakes.BlockTokenizer())
    assert np.array_equal(task.load(task.cases()[0]), centre_crop_resize(pixels, 32, "bicubic-antialias"))
    assert not set(OBJECT_METRICS) & set(task.metrics) and "world-detector" not in task.instruments


def test_bits_are_those_which_a_codec_counts() -> None:
    class Codec:
        code_count, codebook_size = 4, 2

        def bits(self, codes: torch.Tensor) -> list[int]:
            return [8 * (number + 1) for number in range(len(codes))]

    assert bits_spent(Codec(), torch.zeros(3, 4)) == [8.0, 16.0, 24.0]
    plain: Any = type("Plain", (), {"code_count": 5, "codebook_size": 8})()
    assert bits_spent(plain, torch.zeros(2, 5)) == [15.0, 15.0]


class Attending(nn.Module):
    """One linear map and one attention over 16 tokens of width 8, whose FLOPs are known."""

    image_size, code_count, codebook_size = 32, 16, 4

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 8)
        self.decoder = nn.Linear(8, 8)
        self.card = {"training": {"cpu_hours": 1.25}}

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(images), 16, dtype=torch.long)

    def decode(self, codes: torch.Tensor, visible: Any = None, seeds: Any = None) -> torch.Tensor:
        x = self.decoder(self.table(codes))[:, None]
        nn.functional.scaled_dot_product_attention(x, x, x)
        return torch.zeros(len(codes), 3, 32, 32)


def test_flops_count_attention_on_the_cpu_too() -> None:
    linear, attention = 2 * 16 * 8 * 8, 2 * (2 * 16 * 16 * 8)
    with torch.no_grad():
        assert decode_flops(Attending(), torch.zeros(1, 16, dtype=torch.long)) == linear + attention
        assert decode_flops(Attending(), torch.zeros(3, 16, dtype=torch.long)) == 3 * (linear + attention)


def test_costs_are_those_of_the_decoder_and_the_card() -> None:
    cost = tokenizer_cost(Attending(), torch.zeros(2, 3, 32, 32), repetitions=1)
    assert cost["decoder_parameters"] == 8 * 8 + 8
    assert cost["parameters"] == 8 * 8 + 8 + 4 * 8
    assert cost["training_cpu_hours"] == 1.25
    assert cost["decode_ms_per_image"] > 0 and cost["encode_ms_per_image"] > 0


@pytest.mark.parametrize(("seconds", "calls"), [(0.1, 4), (1.6, 2), (9.0, 2)])
def test_what_takes_long_is_timed_less_often(monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int) -> None:
    clock, asked = [0.0], []

    def call() -> None:
        asked.append(1)
        clock[0] += seconds

    monkeypatch.setattr(cost_module.time, "perf_counter", lambda: clock[0])
    assert cost_module.median_seconds(call, 3, torch.device("cpu")) == pytest.approx(seconds)
    assert len(asked) == calls


def test_a_language_model_costs_what_its_card_says() -> None:
    training = {"non_embedding_parameters": 10, "tokens_seen": 7, "training_flops": 420, "cpu_hours": 0.5, "seed": 3}
    spoken = SimpleNamespace(model=SimpleNamespace(card={"training": training}))
    assert language_cost(spoken) == {
        "language_parameters": 10.0,
        "training_tokens": 7.0,
        "training_flops": 420.0,
        "training_cpu_hours": 0.5,
    }
    # a GPU's host counts hours, too, which are not those of a training on it
    spoken.model.card = {"training": {**training, "device": "NVIDIA H200"}}
    assert "training_cpu_hours" not in language_cost(spoken)
    # published weights come without our card, other subjects without a language model
    assert language_cost(SimpleNamespace(model=SimpleNamespace(card={}))) == language_cost(Attending()) == {}


def test_a_control_costs_what_the_model_inside_costs() -> None:
    class Wrapped:
        image_size, code_count, codebook_size = 32, 16, 4

        def __init__(self) -> None:
            self.inside = Attending()
            self.encode, self.decode = self.inside.encode, self.inside.decode

    plain, wrapped = (tokenizer_cost(subject, torch.zeros(2, 3, 32, 32), 1) for subject in (Attending(), Wrapped()))
    for name in ("parameters", "decoder_parameters", "decode_flops", "training_cpu_hours"):
        assert plain[name] == wrapped[name]


def test_what_cannot_be_known_of_a_subject_is_left_out(fakes: ModuleType) -> None:
    cost = Reconstruction(Blocks(), fakes.BlockTokenizer()).probe(fakes.BlockTokenizer())
    assert cost["bits_per_image"] == 64 * 6
    assert not {"decode_flops", "decoder_parameters", "training_cpu_hours"} & cost.keys()
    assert all(math.isfinite(value) for value in cost.values())


def test_a_probe_skips_files_that_cannot_be_read(tmp_path: Path, fakes: ModuleType) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    assert build(str(tmp_path), fakes.BlockTokenizer()).probe(fakes.BlockTokenizer()) == {}
    Image.new("RGB", (40, 40), "red").save(tmp_path / "good.png")
    assert build(str(tmp_path), fakes.BlockTokenizer()).probe(fakes.BlockTokenizer())["probe_batch"] == 32


def test_a_build_without_an_image_size_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="image_size"):
        Reconstruction(Blocks(), object())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda images: (images * 255).to(torch.uint8), "floats in [0, 1], not torch.uint8"),
        (lambda images: images * 255, "is it in 0..255?"),
        (lambda images: images * 2 - 1, "is it in [-1, 1]?"),
        (lambda images: images / 0, "not finite"),
        (lambda images: images[..., ::2, ::2], "must be 32x32, as its image_size says, not 16x16"),
    ],
    ids=["uint8", "0..255", "-1..1", "inf", "16x16"],
)
def test_images_of_the_wrong_kind_are_failures_and_never_scores(
    fakes: ModuleType, tmp_path: Path, answer: Any, reason: str
) -> None:
    class Wrong(fakes.BlockTokenizer):
        def decode(self, codes: torch.Tensor, visible: Any = None, seeds: Any = None) -> torch.Tensor:
            return answer(super().decode(codes, visible, seeds))

    task = Reconstruction(Blocks(), Wrong())
    spec = RunSpec("wrong", 1, "", task.name, 1, "r", batch=4, unit_size=8)
    folder = RunFolder.create_or_open(tmp_path, spec)
    run(spec, task, Wrong, folder)
    (samples,) = folder.samples()
    assert {sample.outcome for sample in samples} == {"failed"} and all(reason in sample.reason for sample in samples)


def test_a_code_outside_of_the_codebook_fails_its_picture_alone(fakes: ModuleType, tmp_path: Path) -> None:
    class Wrong(fakes.BlockTokenizer):
        def encode(self, images: torch.Tensor) -> torch.Tensor:
            codes = super().encode(images)
            marked = (images == torch.from_numpy(Blocks().image(Blocks().cases()[3])).movedim(2, 0) / 255).all(dim=3)
            return torch.where(marked.all(dim=(1, 2))[:, None], codes + self.codebook_size, codes)

    task = Reconstruction(Blocks(), Wrong())
    spec = RunSpec("wrong", 1, "", task.name, 1, "r", batch=4, unit_size=8)
    folder = RunFolder.create_or_open(tmp_path, spec)
    run(spec, task, Wrong, folder)
    (samples,) = folder.samples()
    assert [sample.outcome for sample in samples] == ["ok", "ok", "ok", "failed", "ok", "ok"]
    assert "outside of its codebook, 0 to 63" in samples[3].reason
