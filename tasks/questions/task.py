"""The four benchmarks as tasks, and their data: ``geneval2``, ``t2i-compbench``, ``dpg-bench``, ``drawbench``.

Papers, protocols and known deviations: ``benchmarks``. Data: ``NAME`` alone is what ``ddtbench data prepare NAME --from
PATH`` checked and kept; ``NAME@PATH`` reads a file in the official schema where it lies. The judge is the instrument
``vlm-answers``; without its weights the images are made and stored, and the score is *not measured: judge missing*.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from harness.answers import pixels_of
from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.paths import user_path
from harness.spec import canonical_json, path_safe
from harness.store.files import Folder
from tasks.data.places import questions_folder
from tasks.questions.benchmarks import BENCHMARKS, Benchmark
from tasks.questions.sets import QuestionedPrompt
from tasks.questions.vlm import NAME as JUDGE

DIGITS = 16


class QuestionTask:
    """A case is one image of one prompt, id ``PROMPT/NUMBER``; the sample's image is ``output``, as it was made."""

    version = 1
    examines = "GeneratesImages"
    instruments = (JUDGE,)

    def __init__(self, benchmark: Benchmark, prompts: Sequence[QuestionedPrompt], name: str) -> None:
        self.benchmark = benchmark
        self.prompts = tuple(prompts)
        self.name = name
        self.metrics = benchmark.metrics

    @cached_property
    def data_revision(self) -> str:
        """A digest of every prompt and question as it is put."""
        words = [[prompt.id, prompt.text, prompt.stratum, self._facts(prompt)] for prompt in self.prompts]
        return f"{self.benchmark.name}-{hashlib.sha256(canonical_json(words).encode()).hexdigest()[:DIGITS]}"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {
            "prompts": self.benchmark.source,
            "revision": self.data_revision,
            "images_per_prompt": self.benchmark.images,
            "template": self.benchmark.template,
            "crop": "none",
            "resize": "none",
            "rounding": "nearest",
        }

    def cases(self) -> Sequence[Case]:
        """All prompts once, then all of them again: a limit takes as many prompts as it can."""
        return self._cases

    @cached_property
    def _cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"{prompt.id}/{number}", prompt.id, prompt.stratum, self._facts(prompt))
            for number in range(self.benchmark.images)
            for prompt in self.prompts
        )

    def _facts(self, prompt: QuestionedPrompt) -> dict[str, Any]:
        """``asked`` is the question as the judge hears it."""
        asked = self.benchmark.template
        questions = [{**item.to_json(), "asked": asked.format(item.text)} for item in prompt.questions]
        return {"prompt": prompt.text, "questions": questions}

    def load(self, case: Case) -> str:
        """The prompt's text."""
        return str(case.facts["prompt"])

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[str], seeds: Sequence[int]) -> Sequence[Sample]:
        """One image per case. Raises ValueError for what are no images of its size (``harness.answers``)."""
        import torch

        with torch.no_grad():
            images = subject.generate(list(inputs), list(seeds))
        pixels = pixels_of(images, len(cases), int(subject.image_size))
        return [Sample(case, images={"output": image}) for case, image in zip(cases, pixels, strict=True)]

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what generating costs is measured once per subject, by the generation task."""
        return {}


def build(name: str, argument: str, subject: Any) -> QuestionTask:
    """``NAME`` for the prepared data, ``NAME@PATH`` for a file (or folder) in the official schema."""
    benchmark = BENCHMARKS[name]
    if argument:
        path = user_path(argument)
        return QuestionTask(benchmark, benchmark.read(path), path_safe(f"{name}-{path.stem}"))
    home = questions_folder(name)
    if not home.is_dir():
        raise UserError(f"{name} is not prepared: {_cure(benchmark)}, or name the file as {name}@PATH")
    return QuestionTask(benchmark, _checked(benchmark, home), name)


def prepare(name: str, source: str | None = None) -> Path:
    """Check a benchmark's files and keep them for ``NAME``; the catalogue's data. Raises UserError."""
    benchmark = BENCHMARKS[name]
    home = questions_folder(name)
    if source is None:
        if not home.is_dir():
            raise UserError(f"{name} is not prepared: get {benchmark.source}, then {_cure(benchmark)}")
        _checked(benchmark, home)
        print(f"{name} is already prepared in {home}")
        return home
    given = user_path(source)
    files = {file: given / file if given.is_dir() else given for file in benchmark.files}
    if not given.is_dir() and len(files) > 1:
        raise UserError(f"{given} is one file, and {name} needs {', '.join(files)}: name the folder that holds them")
    if missing := [str(path) for path in files.values() if not path.is_file()]:
        raise UserError(f"{missing[0]} is not there: {name} comes from {benchmark.source}")
    prompts = _checked(benchmark, given)
    home.mkdir(parents=True, exist_ok=True)
    for file, path in files.items():
        Folder(home).write(file, path.read_bytes())
    strata = Counter(prompt.stratum for prompt in prompts)
    shares = f" ({', '.join(f'{key} {strata[key]}' for key in sorted(strata))})" if len(strata) > 1 else ""
    print(f"{name}: {len(prompts)} prompts{shares}")
    return home


def _checked(benchmark: Benchmark, place: Path) -> tuple[QuestionedPrompt, ...]:
    """The prompts, if number and digest are the published ones (as far as they are known)."""
    path = place if len(benchmark.files) > 1 or place.is_file() else place / benchmark.files[0]
    prompts = benchmark.read(path)
    if benchmark.count and len(prompts) != benchmark.count:
        raise UserError(f"{path}: {len(prompts)} prompts, not {benchmark.count}; get {benchmark.source} again")
    if benchmark.sha256:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != benchmark.sha256:
            raise UserError(
                f"{path}: sha256 {digest[:12]}..., expected {benchmark.sha256[:12]}...: get {benchmark.source} again"
            )
    return prompts


def _cure(benchmark: Benchmark) -> str:
    return f"ddtbench data prepare {benchmark.name} --from PATH"


build_geneval2, prepare_geneval2 = partial(build, "geneval2"), partial(prepare, "geneval2")
build_compbench, prepare_compbench = partial(build, "t2i-compbench"), partial(prepare, "t2i-compbench")
build_dpg, prepare_dpg = partial(build, "dpg-bench"), partial(prepare, "dpg-bench")
build_drawbench, prepare_drawbench = partial(build, "drawbench"), partial(prepare, "drawbench")
