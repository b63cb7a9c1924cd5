"""Run folders made by hand, through the harness's store: reports are tested on what is stored and on nothing else.

The scenes and the damage done to them are drawn here; every score is computed from the stored pixels.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw, ImageFilter
from stored_showing import showing

from harness.contracts import Estimate
from harness.spec import RunSpec
from harness.statistics import ratio_interval
from harness.store.files import Folder
from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder, case_set_digest

ENVIRONMENT = {
    "schema": 1,
    "environments": {
        "0123456789abcdef": {"python": "3.11.2", "torch": "2.14.1", "device": "cpu x86_64", "threads": 1},
    },
    "runs": [
        {
            "environment": "0123456789abcdef",
            "host": "a-host-that-no-report-names",
            "processors": 2,
            "started": "2025-01-01T00:00:00+00:00",
            "packages": {"numpy": "2.4.0", "pyarrow": "22.0.0"},
        }
    ],
}
SLOPES = {"codes": 0.4, "none": 1.9, "shuffled": 2.1}
COLOURS = ("#d03030", "#2f7d3a", "#2f55c4", "#d9b11e", "#e07b1e", "#8a4fb0", "#d97fa8", "#7a4a2a", "#1c1c1c", "#f2f2f2")
GROUNDS = ("#d9d4c8", "#b8c7cf", "#c9c2d4", "#bfcdb8", "#e2d3bd")


@dataclass(frozen=True)
class Subject:
    """A pretended model: ``blur`` (pixels) and ``noise`` (8-bit levels) are its damage, ``bits`` its rate."""

    name: str
    blur: float = 0.0
    noise: float = 0.0
    bits: float = 512.0
    order: str = "coarse"
    failing: tuple[str, ...] = ()
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    cost: Mapping[str, float] = field(default_factory=dict)


ZOO = (
    Subject(
        "ddt",
        0.55,
        7.0,
        cost={
            "decoder_parameters": 2_140_000,
            "decode_flops": 1840e6,
            "decode_ms_per_image": 41.2,
            "training_cpu_hours": 1.9,
        },
    ),
    Subject(
        "vqgan",
        0.50,
        3.0,
        cost={
            "decoder_parameters": 610_000,
            "decode_flops": 96e6,
            "decode_ms_per_image": 2.31,
            "training_cpu_hours": 1.4,
        },
    ),
    Subject(
        "var",
        0.52,
        3.2,
        bits=510.0,
        cost={
            "decoder_parameters": 655_000,
            "decode_flops": 101e6,
            "decode_ms_per_image": 2.84,
            "training_cpu_hours": 1.5,
        },
    ),
    Subject(
        "autoencoder",
        0.38,
        0.5,
        bits=8192.0,
        cost={
            "decoder_parameters": 420_000,
            "decode_flops": 64e6,
            "decode_ms_per_image": 1.2,
            "training_cpu_hours": 0.8,
        },
    ),
    Subject("identity", bits=24576.0),
    Subject("mean-colour", blur=99.0, bits=24.0),
    Subject("jpeg", 0.9, 9.0, bits=3120.0),
    Subject("shuffled-ddt", 6.0, 60.0),
)


def scene(seed: int, size: int = 32) -> Image.Image:
    """A few coloured shapes on a plain ground, anti-aliased."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (size * 4, size * 4), GROUNDS[seed % len(GROUNDS)])
    draw = ImageDraw.Draw(picture)
    for _ in range(1 + seed % 3):
        x, y, radius = (*rng.integers(16, size * 4 - 40, 2).tolist(), int(rng.integers(14, 30)))
        box = [x, y, x + radius, y + radius]
        colour = COLOURS[int(rng.integers(len(COLOURS)))]
        kind = int(rng.integers(3))
        if kind == 0:
            draw.ellipse(box, fill=colour)
        elif kind == 1:
            draw.rectangle(box, fill=colour)
        else:
            draw.polygon([(x, y + radius), (x + radius, y + radius), (x + radius / 2, y)], fill=colour)
    return picture.resize((size, size), Image.Resampling.BOX)


def damaged(picture: Image.Image, subject: Subject, seed: int, more: float = 0.0) -> Image.Image:
    """What the pretended model makes of a picture; ``more`` is further blur."""
    if subject.blur >= 90:
        mean = np.asarray(picture, np.float64).mean(axis=(0, 1)).round().astype(np.uint8)
        return Image.fromarray(np.broadcast_to(mean, np.asarray(picture).shape).copy())
    if subject.blur + more + subject.noise == 0:
        return picture
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(subject.blur + more)), np.float64)
    noise = np.random.default_rng(seed + 1).normal(0, subject.noise * (1 + 0.15 * more), soft.shape)
    return Image.fromarray((soft + noise).round().clip(0, 255).astype(np.uint8))


def _strip(picture: Image.Image, subject: Subject, seed: int) -> dict[str, Image.Image]:
    """Partial decodings: the part of the codes that the model keeps its layout in comes first, or, for ddt, last."""
    strip = {}
    for shown in (1, 8, 16, 24, 32, 40, 48, 56, 64):
        coarse = damaged(picture, subject, seed, more=5.0 * (1 - shown / 64))
        fine = damaged(picture, subject, seed, more=9.0 * (1 - (shown / 64) ** 2))
        strip[f"first-{shown:03d}"], strip[f"last-{shown:03d}"] = (
            (fine, coarse) if subject.name == "ddt" else (coarse, fine)
        )
    return strip


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def psnr(one: Image.Image, two: Image.Image) -> float:
    error = np.mean((np.asarray(one, np.float64) - np.asarray(two, np.float64)) ** 2) / 255**2
    return 60.0 if error == 0 else min(60.0, float(-10 * np.log10(error)))


class RunsMaker:
    """Writes run folders under ``root``."""

    ZOO = ZOO

    def __init__(self, root: Path) -> None:
        self.root = root

    def task(
        self,
        task: str = "reconstruction-world",
        subjects: Sequence[Subject] = ZOO,
        cases: int = 40,
        ids: Sequence[str] = (),
    ) -> list[str]:
        """One run per subject on the same cases; returns the keys."""
        names = [*ids, *(f"scene-{number:05d}" for number in range(cases - len(ids)))]
        return [self.run(task, subject, names) for subject in subjects]

    def run(self, task: str, subject: Subject, names: Sequence[str]) -> str:
        spec = RunSpec(subject.name, 1, "", task, 1, "made by hand")
        folder = RunFolder.create_or_open(self.root, spec)
        rows, scores = self._samples(task, subject, names)
        for start in range(0, len(rows), spec.unit_size):
            unit = f"{start // spec.unit_size:05d}"
            folder.write_part(unit, encode_samples(rows[start : start + spec.unit_size], {"key": folder.key}))
        self._measure(folder, subject, task, names, scores)
        metrics = {item.metric for item in folder.read_estimates()}
        folder.write_manifest(**showing(subject.name, task, sorted(metrics)))
        folder.folder.write_json("environment.json", ENVIRONMENT)
        folder.write_cost(subject.cost)
        return folder.key

    def rewrite(self, old: str, new: str) -> None:
        """Change the estimates of every run as another version could have written them: sealed as they are then."""
        for path in self.root.glob("*/*/*/measures/*/estimates.json"):
            path.write_text(path.read_text().replace(old, new))
            RunFolder.open(path.parents[2]).seal_measures(path.parent.name)

    def suite(self, name: str, keys: Sequence[str]) -> None:
        """An index as the harness writes it."""
        folders = [path for path in sorted(self.root.glob("*/*/*")) if path.name in keys]
        rows = [
            {"model": p.parts[-3], "task": p.parts[-2], "limit": None, "key": p.name, "path": "/".join(p.parts[-3:])}
            for p in folders
        ]
        Folder(self.root).write_json(f"suites/{name}.json", {"schema": 1, "suite": name, "runs": rows})

    def _samples(
        self, task: str, subject: Subject, names: Sequence[str]
    ) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
        rows, scores = [], {"psnr": {}, "object-f1": {}}
        for number, name in enumerate(names):
            head = {
                "case": name,
                "group": name,
                "stratum": f"{1 + number % 3} objects",
                "facts": "{}",
                "text": "",
                "numbers": "{}",
                "codes": [],
            }
            if name in subject.failing:
                rows.append({**head, "outcome": "failed", "reason": f"ValueError: could not do {name}", "images": []})
                continue
            original = scene(number)
            output = damaged(original, subject, number)
            images = {"reference": original, "output": output}
            if task.startswith("progressive"):
                images |= _strip(original, subject, number)
            numbers = {f"psnr-{label}": psnr(original, image) for label, image in images.items() if label[-1].isdigit()}
            if task.startswith("recursion"):
                numbers = {
                    f"psnr-{way}-{t / 10}": 30 - t * slope + number % 3
                    for way, slope in SLOPES.items()
                    for t in range(1, 11)
                }
                images |= {
                    f"{way}-{t}": damaged(original, subject, number, more=slope * t)
                    for way, slope in SLOPES.items()
                    for t in (0.2, 0.5, 0.8, 1.0)
                }
            head["numbers"] = json.dumps(numbers)
            packed = [{"name": label, "image": {"bytes": png(image), "path": None}} for label, image in images.items()]
            rows.append({**head, "outcome": "ok", "reason": "", "images": packed})
            scores["psnr"][name] = psnr(original, output)
            rng = np.random.default_rng(number * 7 + 1)
            scores["object-f1"][name] = float(
                np.clip(1.02 - 0.08 * subject.blur - 0.004 * subject.noise - rng.exponential(0.02), 0, 1)
            )
        return rows, scores

    def _measure(
        self, folder: RunFolder, subject: Subject, task: str, names: Sequence[str], scores: dict[str, dict[str, float]]
    ) -> None:
        estimates, rows = [], []
        failed = len(names) - len(scores["psnr"])
        shared = {
            "fingerprint": {"reference": task, "rounding": "nearest", **subject.fingerprint},
            "scored": len(scores["psnr"]),
            "failed": failed,
        }
        for metric, unit in (("psnr", "dB"), ("object-f1", "")):
            kept = list(scores[metric].items())
            for stratum in ("", "1 objects", "2 objects", "3 objects"):
                values = np.array(
                    [v for name, v in kept if stratum in ("", f"{1 + list(names).index(name) % 3} objects")]
                )
                if not len(values):
                    continue
                interval = ratio_interval(
                    values, np.ones(len(values)), [str(place) for place in range(len(values))], resamples=400
                )
                worst = float(values.sum() / (len(values) + failed)) if failed else float(values.mean())
                estimates.append(
                    Estimate(
                        metric,
                        1,
                        interval.value,
                        interval.low,
                        interval.high,
                        interval.method,
                        direction="higher",
                        unit=unit,
                        stratum=stratum,
                        failures_wrong=worst,
                        **shared,
                    )
                )
            rows += [
                {"metric": metric, "case": c, "group": c, "stratum": "", "numerator": v, "denominator": 1.0}
                for c, v in kept
            ]
        distance = 0.4 + 3 * subject.blur + 0.05 * subject.noise
        common = {"method": "delete-a-group jackknife, 20 groups, t", "direction": "lower", **shared}
        estimates.append(Estimate("fd-world", 1, distance, distance - 0.21, distance + 0.21, **common))
        estimates.append(
            Estimate(
                "lpips",
                1,
                None,
                None,
                None,
                absent="the backbone vgg16 is not on this machine",
                **{**common, "method": ""},
            )
        )
        constant = {**shared, "method": "the same for every case", "direction": "none"}
        estimates.append(
            Estimate("bits-per-image", 1, subject.bits, subject.bits, subject.bits, unit="bits", **constant)
        )
        estimates.append(
            Estimate(
                "bits-per-pixel",
                1,
                subject.bits / 1024,
                subject.bits / 1024,
                subject.bits / 1024,
                unit="bpp",
                **constant,
            )
        )
        estimates = [
            replace(item, value=None, low=None, high=None, absent="left out by the test")
            if item.metric in subject.absent
            else item
            for item in estimates
        ]
        schema = pa.schema(
            [(name, pa.string()) for name in ("metric", "case", "group", "stratum")]
            + [(name, pa.float64()) for name in ("numerator", "denominator")]
        )
        folder.write_measures(case_set_digest(names), pa.Table.from_pylist(rows, schema=schema), estimates)
