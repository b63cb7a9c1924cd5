"""Which prompts a GenEval task asks: those of the world, or a file in the official schema."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from harness.contracts import Case
from harness.errors import UserError
from harness.paths import user_path
from harness.spec import canonical_json, path_safe
from harness.store.files import Folder
from tasks.data.places import GENEVAL_FILE
from tasks.data.places import geneval_path as prepared_path
from tasks.geneval.image_folder import IMAGES_PER_PROMPT
from tasks.geneval.names import OBJECTS
from tasks.geneval.prompts import OFFICIAL, Prompt, prompt_from_json, read_prompts
from tasks.geneval.world import CLASSES, DETECTOR

OFFICIAL_FILE = GENEVAL_FILE
"""A file of this name is held to be the official one, and must be it to the byte."""

COLOUR_TAGS = ("colors", "color_attr")
"""The tags whose prompts name colours, so that they can name combinations held out of training."""

CURE = f"ddtbench data prepare geneval --from PATH/{OFFICIAL_FILE}"

DIGITS = 16

COCO_METRICS = ("geneval-coco", "geneval-coco-prompts")
WORLD_METRICS = ("geneval", "geneval-prompts", "geneval-seen", "geneval-held-out", "geneval-shuffled")


@dataclass(frozen=True)
class PromptSource:
    """Prompts and who judges their images. ``size`` is the side at which images are judged (None: as they are made).

    ``held_out`` has, for each prompt, the combinations that training never showed.
    """

    name: str
    about: str
    prompts: tuple[Prompt, ...]
    held_out: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]
    instruments: tuple[str, ...]
    metrics: tuple[str, ...]
    size: int | None = None

    @cached_property
    def revision(self) -> str:
        """A digest of every record, held-out names and order included."""
        words = [[prompt.to_json(), list(never)] for prompt, never in zip(self.prompts, self.held_out, strict=True)]
        return f"geneval-{hashlib.sha256(canonical_json(words).encode()).hexdigest()[:DIGITS]}"

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Four images of each prompt, the tags in turn, so that a limit takes all tags alike.

        The id is ``PROMPT/NUMBER``, the group is the prompt, the stratum its tag.
        """
        tags = dict.fromkeys(prompt.tag for prompt in self.prompts)
        rows = list(zip(self.prompts, self.held_out, strict=True))
        columns = [[row for row in rows if row[0].tag == tag] for tag in tags]
        return tuple(
            Case(
                f"{prompt.text}/{number}",
                prompt.text,
                prompt.tag,
                {"geneval": prompt.to_json(), "held_out": list(never)},
            )
            for turn in zip_longest(*columns)
            for number in range(IMAGES_PER_PROMPT)
            for prompt, never in filter(None, turn)
        )


def prepare(source: str | None = None) -> Path:
    """Check the official prompts (digest, 553, per tag) and keep them for ``geneval@official``; the catalogue's data.

    ``source`` is the file or a folder that holds it. Raises UserError, and leaves what was there before, otherwise.
    """
    place = prepared_path()
    if source is None:
        if not place.is_file():
            raise UserError(f"GenEval's prompts are not prepared: get {OFFICIAL.source}, then {CURE}")
        read_prompts(place)
        print(f"geneval is already prepared in {place.parent}")
        return place.parent
    given = user_path(source)
    path = given / OFFICIAL_FILE if given.is_dir() else given
    prompts = read_prompts(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    Folder(place.parent).write(place.name, path.read_bytes())
    print(f"geneval: {len(prompts)} prompts, {', '.join(f'{tag} {n}' for tag, n in tags_of(prompts).items())}")
    return place.parent


def open_prompts(argument: str) -> PromptSource:
    """``world`` (or nothing), ``official``, or the path of a prompt file. Raises UserError for anything else."""
    if argument in ("", "world"):
        return world_source()
    if argument == "official":
        if not prepared_path().is_file():
            raise UserError(f"GenEval's prompts are not prepared: {CURE}, or name the file itself")
        return file_source(prepared_path())
    path = user_path(argument)
    if not path.is_file():
        raise UserError(
            f"no prompts at '{argument}': give 'world', 'official', or the path of GenEval's {OFFICIAL_FILE}"
        )
    return file_source(path)


def world_source() -> PromptSource:
    """The prompts of ``tasks.world.prompts``."""
    from tasks.world.prompts import world_prompts
    from tasks.world.scene import SIDE

    found = world_prompts()
    return PromptSource(
        name="world",
        about="world prompts in GenEval's schema, captions in place of 'a photo of'",
        prompts=tuple(prompt_from_json(dict(item.record), f"'{item.text}'", CLASSES) for item in found),
        held_out=tuple(item.held_out for item in found),
        classes=CLASSES,
        instruments=(DETECTOR,),
        metrics=WORLD_METRICS,
        size=SIDE,
    )


def file_source(path: Path) -> PromptSource:
    """A file in the official schema about COCO's objects. Raises UserError for a file called as the official one that
    is another, for a broken one, and for a text that stands twice (it names the cases)."""
    official = path.name == OFFICIAL_FILE
    prompts = read_prompts(path, OFFICIAL if official else None)
    text, times = Counter(prompt.text for prompt in prompts).most_common(1)[0]
    if times > 1:
        raise UserError(
            f"{path}: the prompt '{text}' appears {times} times with different records; each text must appear once"
        )
    return PromptSource(
        name="official" if official else path_safe(path.stem),
        about=OFFICIAL.source if official else f"{len(prompts)} prompts of the file {path.name}",
        prompts=prompts,
        held_out=((),) * len(prompts),
        classes=OBJECTS,
        instruments=("geneval-coco",),
        metrics=COCO_METRICS,
    )


def tags_of(prompts: Sequence[Prompt]) -> dict[str, int]:
    """How many prompts of each tag."""
    return dict(Counter(prompt.tag for prompt in prompts))
