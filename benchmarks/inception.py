"""A folder of 200 JPEGs to InceptionV3 features, beside pytorch-fid, torch-fidelity and torchmetrics.

    python benchmarks/inception.py

All have the same weights, drawn from a seed in the published file's form, and all cores. Pictures are read from the
disk in every round. Each peer's features equal those of our protocol of its name to 1e-4 of the largest; in the rounds
ours takes pytorch-fid's protocol, whose resize does no less than theirs.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.claims import Bench, Claim
from benchmarks.machine import cores
from benchmarks.turns import take_turns
from harness.environment import package_version
from harness.folder_statistics import folder_features
from harness.instruments.feature_protocols import PROTOCOLS
from harness.instruments.inception import InceptionExtractor
from harness.instruments.picture_features import PictureFeatures

FEATURES = Claim(
    "inception-folder", "JPEGs to InceptionV3 features, speed beside the fastest peer (goal 1.5x)", least=1.2
)
HEIGHT, WIDE, COUNT, CHECKED = 375, 500, 200, 16
EQUAL = 1e-4
"""Of the largest feature."""
OURS = "ours"
PROTOCOL_OF = {"pytorch-fid": "legacy-pytorch", "torch-fidelity": "torch-fidelity", "torchmetrics": "torchmetrics"}

Program = Callable[[Sequence[Path]], np.ndarray]


def write_pictures(folder: Path, count: int) -> list[Path]:
    """JPEGs of blocks, stripes and noise."""
    rng, files = np.random.default_rng(0), []
    for number in range(count):
        blocks = rng.integers(0, 256, (HEIGHT // 25, WIDE // 25, 3)).repeat(25, 0).repeat(25, 1)
        noisy = np.clip(blocks + rng.normal(0, 12, (HEIGHT, WIDE, 3)), 0, 255).astype(np.uint8)
        files.append(folder / f"{number:03d}.jpg")
        Image.fromarray(noisy).save(files[-1], quality=90)
    return files


def drawn_weights() -> dict[str, Tensor]:
    """With the keys and shapes of the published file, and values that keep activations in bounds."""
    from torchvision.models import inception_v3

    generator = torch.Generator().manual_seed(0)
    shapes = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False).state_dict()

    def drawn(key: str, value: Tensor) -> Tensor:
        if value.ndim > 1:
            return torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5
        if key.endswith(("weight", "running_var")):
            return 0.75 + 0.5 * torch.rand(value.shape, generator=generator)
        return 0.05 * torch.randn(value.shape, generator=generator)

    return {key: drawn(key, value) for key, value in shapes.items() if not key.endswith("num_batches_tracked")}


def ours(weights: Path, protocol: str) -> Program:
    extractor = InceptionExtractor(PROTOCOLS[protocol], layers=("pool3",), other=str(weights))

    def features(files: Sequence[Path]) -> np.ndarray:
        instrument = PictureFeatures("inception", extractor, "pool3")  # which remembers no picture yet
        return np.stack([row["pool3"] for _, rows in folder_features(files, instrument) for row in rows])

    return features


def pytorch_fid(state: dict[str, Tensor]) -> Program:
    from pytorch_fid import fid_score, inception

    with mock.patch.object(inception, "load_state_dict_from_url", return_value=state):
        model = inception.InceptionV3([3])

    def features(files: Sequence[Path]) -> np.ndarray:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            found = fid_score.get_activations(files, model, batch_size=50, device="cpu", num_workers=cores())
        return np.asarray(found)

    return features


def torch_fidelity(weights: Path) -> Program:
    from torch_fidelity.datasets import ImagesPathDataset
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.utils import get_featuresdict_from_dataset

    extractor = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights)).eval()

    def features(files: Sequence[Path]) -> np.ndarray:
        found = get_featuresdict_from_dataset(ImagesPathDataset(files), extractor, 50, False, False, False)
        return np.asarray(found["2048"])

    return features


def torchmetrics(weights: Path) -> Program:
    """Its network, with the loop that its user writes."""
    from torch_fidelity.datasets import ImagesPathDataset
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights))

    @torch.inference_mode()
    def features(files: Sequence[Path]) -> np.ndarray:
        batches: Any = DataLoader(ImagesPathDataset(files), batch_size=50, num_workers=cores())
        return np.concatenate([metric.inception(batch).numpy() for batch in batches])

    return features


def main() -> None:
    warnings.simplefilter("ignore")  # the peers', about what they import
    bench = Bench.begin(__doc__)
    torch.set_num_threads(cores())
    with tempfile.TemporaryDirectory() as scratch:
        state, weights = drawn_weights(), Path(scratch, "weights.pth")
        torch.save(state, weights)
        files = write_pictures(Path(scratch), bench.sized(COUNT, CHECKED))
        fidelity, metrics = torch_fidelity(weights), torchmetrics(weights)
        peers = {"pytorch-fid": pytorch_fid(state), "torch-fidelity": fidelity, "torchmetrics": metrics}
        gaps, first = [], files[:CHECKED]
        for name, program in peers.items():
            wanted = program(first)
            gaps.append(float(np.abs(ours(weights, PROTOCOL_OF[name])(first) - wanted).max() / np.abs(wanted).max()))
            bench.require(gaps[-1] <= EQUAL, f"features beside {name}: {gaps[-1]:.1e} of the largest")
        programs = {OURS: ours(weights, PROTOCOL_OF["pytorch-fid"]), **peers}
        programs[OURS](first)  # as the peers have been, it is warm
        calls = {name: (lambda program=program: program(files)) for name, program in programs.items()}
        turns = take_turns(calls, bench.sized(3, 1), warm=0, budget=200, fewest=2, behind=1.1)  # type: ignore[arg-type]
    print(turns.told())
    fastest = turns.fastest(peers)
    took = f"{turns.median(fastest):.3g} s, ours {turns.median(OURS):.3g} s for {len(files)} of {WIDE} x {HEIGHT}"
    told = f"fastest {fastest} {package_version(fastest)}: {took}; {cores()} threads; features within {max(gaps):.0e}"
    bench.state(FEATURES, turns.speed_of(OURS, fastest), told)
    bench.end()


if __name__ == "__main__":
    main()
