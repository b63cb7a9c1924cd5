"""The tasks ``perplexity@...`` and the factory that tells them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import Case, Likelihood, Sample
from harness.errors import UserError
from harness.provenance import provenance_of
from harness.texts import text_of
from tasks.perplexity.scored import readable, scored, text_sizes
from tasks.perplexity.shown import CODES, GIVEN_CAPTION, OF_PICTURES, STRIDED, TEXT, of_source
from tasks.perplexity.texts import TEXTS, TextSource, open_texts
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.sources import WorldSource

TEXT_METRICS = ("bits-per-byte", "byte-perplexity", "word-perplexity")
CODE_METRICS = ("nll-bits-per-image", "nll-bits-per-pixel", "nll-over-log-codebook", "bits-per-image")
SHARE = 0.5
"""What the windows of ``perplexity-strided`` move by, of the context: 512 of 1,024 in transformers' documentation."""
TEXT_PROTOCOL = {
    "counted": "the text's own tokens, no marker and no end",
    "windows": "lm-eval's rolling windows, one token of context",
    "words": "white space",
    "bytes": "UTF-8",
    "weights": "sums over the corpus, then one ratio",
    "chance": "8 bits per byte",
}
STRIDED_PROTOCOL = {
    **TEXT_PROTOCOL,
    "windows": f"as long as the model's context, each {SHARE:g} of it after the one before",
}
CODE_PROTOCOL = {
    "counted": "the codes, no marker",
    "pixels": "height x width as shown",
    "weights": "sums over the corpus, then one ratio",
    "chance": "codes x log2 of the codebook's size (bits-per-image); 1 over the log of the codebook",
}


def first_context(subject: Any) -> str:
    """What the subject predicts a text's first token from: it moves a byte perplexity by most of a percent."""
    return text_of(provenance_of(subject).first_context, type(subject).__name__, "first_context")


class TextPerplexity:
    """``perplexity@wikipedia``, ``@wikitext``, ``@captions``, ``@FILE.txt``: texts given nothing. Numbers are nats,
    tokens, choices, words, bytes, bits (of the tokens when all are equally likely)."""

    title = "perplexity"
    version = 1
    examines = "ScoresText"
    instruments: Sequence[str] = ()
    protocol: Mapping[str, str] = TEXT_PROTOCOL

    def __init__(self, source: TextSource, subject: Any) -> None:
        self.source, self.first_context = source, first_context(subject)
        self.metrics = (*TEXT_METRICS, "bits-per-text") if source.name == "captions" else TEXT_METRICS
        self.shown = of_source(TEXT, source.name)

    @property
    def name(self) -> str:
        return f"{self.title}-{self.source.name}"

    @property
    def data_revision(self) -> str:
        return self.source.revision

    @property
    def reads_data(self) -> tuple[str, ...]:
        """The data entries that its texts come from."""
        data: tuple[str, ...] = getattr(self.source, "data", ())
        return data

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the numbers depend on beside the subject."""
        return {
            "reference": self.source.about,
            "revision": self.source.revision,
            "given": "nothing",
            "first_context": self.first_context,
            **self.protocol,
        }

    def cases(self) -> Sequence[Case]:
        return self.source.cases()

    def load(self, case: Case) -> str:
        """The text. Raises ValueError for one that is empty or no UTF-8."""
        return readable(self.source.text(case))

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[str], seeds: Sequence[int]) -> Sequence[Sample]:
        """Score one batch of texts. They are not stored: a corpus has a licence of its own, and captions are facts."""
        import torch

        with torch.no_grad():
            found = self.score(subject, list(inputs))
        return scored(cases, found, None, [text_sizes(self.source.counted(case)) for case in cases])

    def score(self, subject: Any, texts: Sequence[str]) -> Sequence[Likelihood]:
        """Each text given nothing."""
        found: Sequence[Likelihood] = subject.score_text(texts)
        return found

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what a language model costs does not depend on the text."""
        return {}


class StridedPerplexity(TextPerplexity):
    """``perplexity-strided@...``: the same texts and numbers, read in windows that overlap. Never ranked with the
    other."""

    title = "perplexity-strided"
    examines = "ScoresTextInStrides"
    protocol = STRIDED_PROTOCOL

    def __init__(self, source: TextSource, subject: Any) -> None:
        super().__init__(source, subject)
        self.metrics = (*self.metrics, "token-perplexity")
        self.shown = of_source(STRIDED, source.name)

    def score(self, subject: Any, texts: Sequence[str]) -> Sequence[Likelihood]:
        found: Sequence[Likelihood] = subject.score_text_in_strides(texts, SHARE)
        return found


class WorldPerplexity(TokenizerTask):
    """What the tasks on pictures of the world and their captions share. An input is (picture, caption)."""

    title = "perplexity"
    part = ""
    given = "nothing"
    protocol: Mapping[str, str] = {}

    def __init__(self, subject: Any) -> None:
        if not isinstance(getattr(subject, "image_size", None), int):
            raise UserError(f"{self.name.replace('-', '@', 1)} shows pictures, and this model states no image_size")
        super().__init__(WorldSource(), subject)
        self.first_context = first_context(subject)

    @property
    def name(self) -> str:
        return f"{self.title}-{self.part}"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        about = f"{self.source.about}, pictures and plain captions"
        said = {"reference": about, "given": self.given, "first_context": self.first_context}
        return {**super().fingerprint, **said, **self.protocol}

    def load(self, case: Case) -> Any:
        """(picture uint8 ``compared compared 3``, caption)."""
        return super().load(case), readable(str(case.facts["caption"]))


class CaptionsGivenImage(WorldPerplexity):
    """``perplexity@captions-given-image``. Numbers as for captions, with ``nats_alone`` (the caption given nothing) and
    ``nats_saved``."""

    part = "captions-given-image"
    given = "the picture"
    examines = "ScoresText"
    metrics = (*TEXT_METRICS, "bits-per-text", "bits-from-context")
    shown = OF_PICTURES
    protocol = TEXT_PROTOCOL

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[Any, str]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Score one batch of captions twice: after their pictures, and given nothing."""
        import torch

        texts = [text for _, text in inputs]
        with torch.no_grad():
            found = subject.score_text(texts, self.input_batch(subject, [picture for picture, _ in inputs]))
            alone = subject.score_text(texts)
        return scored(cases, found, alone, [text_sizes(text) for text in texts])


class CodePerplexity(WorldPerplexity):
    """``perplexity@image-codes``. Numbers are nats, tokens (codes), choices (the codebook's size), pixels, and bits
    (of the codes when all are equally likely)."""

    part = "image-codes"
    examines = "ScoresImages"
    metrics: Sequence[str] = CODE_METRICS
    shown = CODES
    protocol = CODE_PROTOCOL

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[Any, str]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Score one batch of pictures."""
        import torch

        with torch.no_grad():
            found = subject.score_images(self.input_batch(subject, [picture for picture, _ in inputs]))
        return scored(cases, found, None, self._sizes(cases))

    def _sizes(self, cases: Sequence[Case]) -> list[dict[str, float]]:
        return [{"pixels": float(self.shown_size**2)} for _ in cases]


class CodesGivenCaption(CodePerplexity):
    """``perplexity@image-codes-given-caption``. Numbers as for image codes, with ``nats_alone`` and ``nats_saved``."""

    part = "image-codes-given-caption"
    given = "the caption"
    metrics = (CODE_METRICS[0], "bits-from-context", *CODE_METRICS[1:])
    shown = GIVEN_CAPTION

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[Any, str]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Score one batch of pictures twice: after their captions, and given nothing."""
        import torch

        pictures, captions = self.input_batch(subject, [picture for picture, _ in inputs]), [text for _, text in inputs]
        with torch.no_grad():
            found = subject.score_images(pictures, captions)
            alone = subject.score_images(pictures)
        return scored(cases, found, alone, self._sizes(cases))


WORLD_TASKS: Mapping[str, type[WorldPerplexity]] = {
    kind.part: kind for kind in (CaptionsGivenImage, CodePerplexity, CodesGivenCaption)
}
NAMES = (*TEXTS, *WORLD_TASKS)


def build(argument: str, subject: Any) -> TextPerplexity | WorldPerplexity:
    """The catalogue's factory: ``perplexity@`` one of ``NAMES`` or a text file. Raises UserError for anything else."""
    if argument in WORLD_TASKS:
        return WORLD_TASKS[argument](subject)
    return TextPerplexity(open_texts(argument, NAMES), subject)


def build_strided(argument: str, subject: Any) -> StridedPerplexity:
    """The catalogue's factory: ``perplexity-strided@`` one of ``TEXTS`` or a text file."""
    return StridedPerplexity(open_texts(argument, TEXTS), subject)
