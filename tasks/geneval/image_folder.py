"""A folder of generated images in GenEval's layout, checked to be complete before anything is scored.

    NNNNN/metadata.jsonl        the prompt, as in line NNNNN of the prompt file (0 first)
    NNNNN/samples/NNNN.png      its images, numbered from 0 (the official sampler writes five digits; any width is read)

The official script scores whatever it finds: of 553 prompts some published scores cover 544.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.images import size_of_png
from harness.texts import decode_text, parse_json
from tasks.geneval.names import OBJECTS
from tasks.geneval.prompts import Prompt, prompt_from_json

IMAGES_PER_PROMPT = 4
"""GenEval's README: four images per prompt."""

SHOWN = 20
"""Problems spelt out in the message of the error; all of them are in its ``problems``."""

OFFICIAL_NAME = re.compile(r"\d+\.png")
"""The script *matches* this, so it also takes ``0000.png~``; here such a name is a problem."""


@dataclass(frozen=True)
class GeneratedImage:
    """Image ``number`` of prompt number ``prompt``."""

    prompt: int
    number: int
    path: Path

    @property
    def name(self) -> str:
        """The same for any width of the file's digits: ``00012/0003``."""
        return f"{self.prompt:05d}/{self.number:04d}"


class IncompleteImages(UserError):
    """The folder is not one set of images for the prompts. ``problems`` lists every one, file by file."""

    def __init__(self, folder: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{folder}: {number}: {'; '.join(problems[:SHOWN])}{more}")


def check_images(
    folder: str | Path,
    prompts: Sequence[Prompt],
    per_prompt: int = IMAGES_PER_PROMPT,
    size: tuple[int, int] | None = None,
    identical: Literal["refuse", "accept"] = "refuse",
    classes: Sequence[str] = OBJECTS,
) -> tuple[GeneratedImage, ...]:
    """The ``len(prompts) * per_prompt`` images in order, if they are all there, whole, each once and of one size.

    ``size`` is (width, height); None takes the size of most. Two files of the same bytes are a problem, because that is
    what a seed set again for every image makes; ``identical="accept"`` is for models without randomness and for safety
    filters that paint pictures black. Raises UserError when there is no such folder, IncompleteImages otherwise.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; it must hold NNNNN/samples/NNNN.png, one NNNNN per prompt")
    problems: list[str] = []
    images: list[GeneratedImage] = []
    homes = _numbered(root.iterdir(), lambda path: path.name if path.is_dir() and _is_number(path.name) else None)
    for number in sorted(homes.keys() | set(range(len(prompts)))):
        home = homes.get(number, [])
        if len(home) != 1 or number >= len(prompts):
            problems.append(_not_once(f"{number:05d}", home, number < len(prompts), root))
            continue
        problems.extend(_other_prompt(home[0], prompts[number], root, classes))
        found, faults = _samples(home[0], number, per_prompt, root)
        images.extend(found)
        problems.extend(faults)
    problems.extend(_wrong_sizes(images, size, root))
    if identical == "refuse":
        problems.extend(_same_bytes(images, root))
    if problems:
        raise IncompleteImages(root, problems)
    return tuple(images)


def _samples(home: Path, prompt: int, per_prompt: int, root: Path) -> tuple[list[GeneratedImage], list[str]]:
    samples = home / "samples"
    files = [path for path in samples.iterdir() if path.is_file()] if samples.is_dir() else []
    numbers = _numbered(files, lambda path: path.stem if OFFICIAL_NAME.fullmatch(path.name) else None)
    strays = [path for path in files if OFFICIAL_NAME.match(path.name) and not OFFICIAL_NAME.fullmatch(path.name)]
    problems = [f"stray {path.relative_to(root)}, which the official script would score" for path in sorted(strays)]
    images: list[GeneratedImage] = []
    for number in sorted(numbers.keys() | set(range(per_prompt))):
        paths = numbers.get(number, [])
        if len(paths) == 1 and number < per_prompt:
            images.append(GeneratedImage(prompt, number, paths[0]))
        else:
            name = f"{samples.relative_to(root)}/{number:04d}.png"
            problems.append(_not_once(name, paths, number < per_prompt, root))
    return images, problems


def _not_once(name: str, paths: Sequence[Path], wanted: bool, root: Path) -> str:
    listed = " and ".join(str(path.relative_to(root)) for path in paths)
    if not wanted:
        return f"unexpected {listed}"
    return f"duplicate {listed}" if paths else f"missing {name}"


def _other_prompt(home: Path, prompt: Prompt, root: Path, classes: Sequence[str]) -> Iterator[str]:
    """The folder's own record says which prompt its images were made for: a shifted numbering shows here."""
    path = home / "metadata.jsonl"
    name = str(path.relative_to(root))
    try:
        told = parse_json(decode_text(path.read_bytes(), "it"), "it")
    except FileNotFoundError:
        yield f"missing {name}"
        return
    except (OSError, UserError) as error:
        yield f"unreadable {name} ({getattr(error, 'strerror', None) or error})"
        return
    try:
        record = prompt_from_json(told, name, classes)
    except UserError as error:
        yield str(error)
    else:
        if record != prompt:
            yield f"another prompt in {name}: '{record.text}', not '{prompt.text}'"


def _wrong_sizes(images: Sequence[GeneratedImage], size: tuple[int, int] | None, root: Path) -> Iterator[str]:
    sizes: dict[GeneratedImage, tuple[int, int]] = {}
    for image in images:
        try:
            sizes[image] = size_of_png(image.path)
        except ValueError as error:
            yield f"unreadable {image.path.relative_to(root)} ({str(error).removeprefix(f'{image.path.name}: ')})"
        except OSError as error:
            yield f"unreadable {image.path.relative_to(root)} ({error.strerror or 'it cannot be opened'})"
    wanted = size or (Counter(sizes.values()).most_common(1)[0][0] if sizes else None)
    for image, found in sizes.items():
        if wanted is not None and found != wanted:
            yield f"wrong size {image.path.relative_to(root)}: {found[0]}x{found[1]}, not {wanted[0]}x{wanted[1]}"


def _same_bytes(images: Sequence[GeneratedImage], root: Path) -> Iterator[str]:
    by_length: defaultdict[int, list[GeneratedImage]] = defaultdict(list)
    for image in images:
        by_length[image.path.stat().st_size].append(image)
    first: dict[bytes, GeneratedImage] = {}
    for image in images:
        if len(by_length[image.path.stat().st_size]) > 1:
            digest = hashlib.sha256(image.path.read_bytes()).digest()
            if first.setdefault(digest, image) is not image:
                yield f"identical {image.path.relative_to(root)} and {first[digest].path.relative_to(root)}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _numbered(paths: Iterator[Path] | Sequence[Path], number: Callable[[Path], str | None]) -> dict[int, list[Path]]:
    found: defaultdict[int, list[Path]] = defaultdict(list)
    for path in sorted(paths):
        digits = number(path)
        if digits is not None:
            found[int(digits)].append(path)
    return dict(found)
