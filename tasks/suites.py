"""Named suites. A docstring says what a suite costs and what it shows; costs are those of two CPU cores."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from harness.spec import RunRequest, SuiteSpec
from tasks.data.fashion_files import CURE
from tasks.data.fashion_mnist import fashion_at_hand
from tasks.data.wikipedia import CURE as WIKIPEDIA_CURE
from tasks.data.wikipedia import wikipedia_at_hand

TOKENIZERS = ("ddt", "vqgan", "var")
CONTROLS = ("identity", "mean-colour", "jpeg", "shuffled-vqgan")
CLASS_MODELS = ("ddt-gpt-fashion", "vqgan-gpt-fashion", "var-gpt-fashion")
LANGUAGE_MODELS = ("ddt-llama", "vqgan-llama", "var-llama")
WIKIPEDIA = "perplexity@wikipedia"
DEMO_CASES: Mapping[str, int] = {
    "geneval@world": 192,
    "generation@world": 96,
    "mme@world": 120,
    "mme@world-held-out": 48,
    "editing@world": 96,
    "editing-chain@world": 16,
    WIKIPEDIA: 96,
    "perplexity@captions-given-image": 128,
    "perplexity@image-codes-given-caption": 128,
}
"""The five tasks, and how many of their cases the demo asks."""
SCALING_CASES: Mapping[str, int] = {
    "geneval@world": 480,
    WIKIPEDIA: 256,
    "perplexity@captions-given-image": 512,
    "perplexity@image-codes-given-caption": 512,
}
"""What is asked of every point of a scaling curve: what a model can do after pre-training alone, too."""
GATE_CASES: Mapping[str, int | None] = {
    "geneval@world": None,
    "generation@world": None,
    "mme@world-400": None,
    "editing@world": None,
    WIKIPEDIA: None,
    "perplexity@captions-given-image": 512,
    "perplexity@image-codes-given-caption": 512,
}
"""What a gate asks, and how many of the cases: all, where None."""
ALL_CONTROLS = ("identity", "mean-colour", "jpeg", "shuffled-ddt", "shuffled-vqgan", "shuffled-var")


def _runs(models: tuple[str, ...], task: str, limit: int | None = None) -> tuple[RunRequest, ...]:
    return tuple(RunRequest(model, task, limit) for model in models)


def _five_tasks(limits: Mapping[str, int | None]) -> tuple[RunRequest, ...]:
    """The language models on the paper's five tasks; ``limits`` by task, None for all of its cases."""
    asked = tuple(run for task, limit in limits.items() for run in _runs(LANGUAGE_MODELS, task, limit))
    controls = {"editing": "copy-source", "generation": "real"}
    beside = tuple(
        RunRequest(control, task, limit)
        for task, limit in limits.items()
        for start, control in controls.items()
        if task.startswith(start)
    )
    return asked + beside


def demo() -> SuiteSpec:
    """``paper-small`` with fewer cases: the three language models on the five tasks, 16 to 192 cases
    each, then their tokenizers and four controls on 200 world scenes and 200 Fashion-MNIST test images.

    What ``make demo`` runs, without a network: Fashion-MNIST and Wikipedia's text are left out, and that is said, on a
    machine that does not have them.
    """
    limits = {task: count for task, count in DEMO_CASES.items() if task != WIKIPEDIA or wikipedia_at_hand()}
    left_out = []
    if len(limits) < len(DEMO_CASES):
        left_out.append(f"{WIKIPEDIA}, for want of Wikipedia's text ({WIKIPEDIA_CURE})")
    models = (*TOKENIZERS, *CONTROLS)
    fashion_runs = _runs(TOKENIZERS + CONTROLS, "reconstruction@fashion", 200)
    if not fashion_at_hand():
        left_out.append(f"reconstruction@fashion, for want of Fashion-MNIST ({CURE})")
        fashion_runs = ()
    for text in left_out:
        print(f"demo: without {text}", file=sys.stderr)
    tokenizers = _runs(models, "reconstruction@world", 200) + fashion_runs + _runs(TOKENIZERS, "progressive@world", 32)
    # small units, so that every core has some of each run
    return SuiteSpec("demo", _five_tasks(limits) + tokenizers, unit_size=32, left_out=tuple(left_out))


def paper_small() -> SuiteSpec:
    """The paper's comparison on the embedded world: one small Llama on DDT, on VQGAN and on VAR tokens, on GenEval
    (2,400 images), generation (2,000), MME (seen and held-out combinations), editing (600 turns, 300 sessions) and
    perplexity (text, captions given their picture, codes given their caption); and their tokenizers' reconstruction of
    1,000 scenes. Needs Wikipedia's text (``ddtbench data prepare wikipedia``)."""
    tokenizers = _runs((*TOKENIZERS, *CONTROLS), "reconstruction@world")
    return SuiteSpec("paper-small", _five_tasks(dict.fromkeys(DEMO_CASES)) + tokenizers)


def gate() -> SuiteSpec:
    """What ``ddtbench gate`` asks of a checkpoint: GenEval (2,400 images), generation (2,000), MME (400 pictures),
    editing (600 turns) and perplexity of text, of captions given their picture and of codes given their caption.
    Wikipedia's text is left out, and that is said, on a machine that does not have it."""
    limits = {task: count for task, count in GATE_CASES.items() if task != WIKIPEDIA or wikipedia_at_hand()}
    left_out = []
    if len(limits) < len(GATE_CASES):
        left_out.append(f"{WIKIPEDIA}, for want of Wikipedia's text ({WIKIPEDIA_CURE})")
    for text in left_out:
        print(f"gate: without {text}", file=sys.stderr)
    runs = tuple(run for task, count in limits.items() for run in _runs(LANGUAGE_MODELS, task, count))
    return SuiteSpec("gate", runs, left_out=tuple(left_out))


def scaling() -> SuiteSpec:
    """What a scaling curve asks of each of its points: GenEval (480 images) and perplexity of text, of captions given
    their picture and of codes given their caption. Sizes and checkpoints are named by ``--model``, for example
    ``--model 'ddt-llama@mine/checkpoints/*'``; half a minute each. Needs Wikipedia's text."""
    return SuiteSpec(
        "scaling", tuple(run for task, n in SCALING_CASES.items() for run in _runs(LANGUAGE_MODELS, task, n))
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
    """The 10,000 test images of Fashion-MNIST, real product photographs of the kind that the zoo learned and never saw,
    rebuilt; and as many written by a small language model on each tokenizer, class by class."""
    written = _runs((*CLASS_MODELS, "real", "real-mean-colour"), "generation@fashion")
    closer = _runs((*CLASS_MODELS, "real", "real-mean-colour"), "generation@fashion-2000")
    return SuiteSpec("fashion", _runs(TOKENIZERS + CONTROLS, "reconstruction@fashion") + written + closer)


def photos() -> SuiteSpec:
    """The photographs that scikit-image and foolbox ship: of another kind than the zoo's tiny models learned, so
    that this shows how they fail."""
    return SuiteSpec("photos", _runs(TOKENIZERS + ALL_CONTROLS, "reconstruction@photos"))
