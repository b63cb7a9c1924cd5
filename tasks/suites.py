"""Named suites. A docstring says what a suite costs and what it shows; costs are those of two CPU cores."""

from __future__ import annotations

import sys

from harness.spec import RunRequest, SuiteSpec
from tasks.prepare import CURE, fashion_at_hand

TOKENIZERS = ("ddt", "vqgan", "var")
CONTROLS = ("identity", "mean-colour", "jpeg", "shuffled-vqgan")
ALL_CONTROLS = ("identity", "mean-colour", "jpeg", "shuffled-ddt", "shuffled-vqgan", "shuffled-var")


def _runs(models: tuple[str, ...], task: str, limit: int | None = None) -> tuple[RunRequest, ...]:
    return tuple(RunRequest(model, task, limit) for model in models)


def demo() -> SuiteSpec:
    """The three tokenizers and four controls on 300 world scenes and 300 Fashion-MNIST test images, and a strip of each
    tokenizer's progressive decoding. What ``make demo`` runs; made to fit in five minutes without a network, so
    Fashion-MNIST is left out, and that is said, on a machine that does not have it."""
    models = (*TOKENIZERS, "ddt-sampled", *CONTROLS)
    fashion_runs = _runs(TOKENIZERS + CONTROLS, "reconstruction@fashion", 300)
    if not fashion_at_hand():
        print(f"demo: without Fashion-MNIST, which is not on this machine ({CURE})", file=sys.stderr)
        fashion_runs = ()
    return SuiteSpec(
        "demo",
        _runs(models, "reconstruction@world", 300) + fashion_runs + _runs(TOKENIZERS, "progressive@world", 32),
    )


def world() -> SuiteSpec:
    """1,000 test scenes of the embedded world, with scores of their objects (does each one keep shape, colour and
    place?), progressive decoding of 200 scenes, and whether DDT's codes rebuild 200 scenes from every timestep."""
    return SuiteSpec(
        "world",
        _runs((*TOKENIZERS, "ddt-sampled", *ALL_CONTROLS), "reconstruction@world")
        + _runs(TOKENIZERS, "progressive@world", 200)
        + _runs(("ddt",), "recursion@world", 200),
    )


def fashion() -> SuiteSpec:
    """The 10,000 test images of Fashion-MNIST: real product photographs of the kind that the zoo learned and never
    saw."""
    return SuiteSpec("fashion", _runs(TOKENIZERS + CONTROLS, "reconstruction@fashion"))


def photos() -> SuiteSpec:
    """The photographs that scikit-image and foolbox ship: of another kind than the zoo's tiny models learned, so
    that this shows how they fail."""
    return SuiteSpec("photos", _runs(TOKENIZERS + ALL_CONTROLS, "reconstruction@photos"))
