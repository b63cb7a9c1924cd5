"""A run of GenEval in the layout of its own script, for a judge that is not here.

    ddtbench export RUN --to FOLDER

writes ``NNNNN/metadata.jsonl`` and ``NNNNN/samples/NNNN.png`` of what was asked, of a whole or a limited run, and what
was judged here as ``results.jsonl``, the script's own result file, which its ``summary_scores.py`` reads.

    python -m tasks.geneval.export RUN-FOLDER --prompts PATH/evaluation_metadata.jsonl --to FOLDER

(``--prompts world`` for a run on the world) is the strict form: the folder is then checked as ``image_folder`` does, so
that a missing, failed or repeated image is named before anything is scored. ``--results FILE`` writes the verdicts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.export import StoredRun, left_out
from harness.images import encode_png
from harness.store.files import Folder
from harness.store.run_folder import RunFolder
from tasks.geneval.image_folder import IMAGES_PER_PROMPT, GeneratedImage, check_images
from tasks.geneval.metrics import JudgedImages
from tasks.geneval.prompt_sets import PromptSource, open_prompts
from tasks.geneval.results import Result, write_results
from tasks.geneval.scoring import Verdict, filter_detections
from tasks.geneval.sights import COCO, WORLD

RESULTS = "results.jsonl"


def export_images(
    run: RunFolder, source: PromptSource, to: str | Path, identical: Literal["refuse", "accept"] = "refuse"
) -> tuple[GeneratedImage, ...]:
    """The images of a run as files, one folder per prompt in the order of the prompts, checked.

    Raises UserError for a run on other prompts and for a folder that is not empty, IncompleteImages (which lists them)
    where images are missing, because they failed or were not asked for, or where two are the same to the byte and
    ``identical`` does not accept that.
    """
    if run.spec.data_revision != source.revision:
        raise UserError(
            f"{run.path} was asked prompts of revision {run.spec.data_revision}, not {source.revision} "
            f"({source.about}): name those that it ran on"
        )
    root = Path(to)
    if root.exists() and any(root.iterdir()):
        raise UserError(f"{root} is not empty: name another folder, since a stray image would be scored")
    numbers = {prompt.text: number for number, prompt in enumerate(source.prompts)}
    for number, prompt in enumerate(source.prompts):
        home = root / f"{number:05d}"
        (home / "samples").mkdir(parents=True)
        Folder(home).write("metadata.jsonl", json.dumps(prompt.to_json()).encode())
    for unit in run.samples():
        for sample in unit:
            if sample.outcome == "ok":
                text, _, number_of_image = sample.case.id.rpartition("/")
                place = GeneratedImage(numbers[text], int(number_of_image), root)
                home = root / f"{place.prompt:05d}" / "samples"
                Folder(home).write(f"{place.number:04d}.png", encode_png(sample.images["output"]))
    return check_images(root, source.prompts, IMAGES_PER_PROMPT, identical=identical, classes=source.classes)


def export_results(run: RunFolder, images: Sequence[GeneratedImage], source: PromptSource, to: str | Path) -> None:
    """The verdicts on a run's images as GenEval's result file. Raises UserError where they were not all judged."""
    places = {f"{source.prompts[image.prompt].text}/{image.number}": str(image.path) for image in images}
    write_results(to, _results(run, places, None))


def _results(run: RunFolder, places: Mapping[str, str], limit: int | None) -> list[Result]:
    """One per image, judged by whoever looked at the run; ``places``: case -> file. Raises UserError if nobody did."""
    columns = run.columns(limit).columns
    sight = next((sight for sight in (COCO, WORLD) if all(name in columns for name in sight.columns)), None)
    if sight is None:
        raise UserError(f"{run.path} has no column '{COCO.columns[0]}': ddtbench observe it first")
    judged = JudgedImages.of(columns, sight)
    results = []
    for case, prompt, found in zip(judged.cases, judged.prompts, judged.judgements, strict=True):
        if found.score is None:
            raise UserError(f"image {case}: {found.absent}")
        kept = filter_detections(judged.judge.stored.images[case], prompt.tag, sight.rules, sight.classes)
        results.append(Result(places[case], prompt, Verdict(bool(found.score), found.reason), kept))
    return results


def write_official(run: StoredRun, folder: Path) -> str:
    """``ddtbench export``'s writer: prompts are numbered as in their file where that is at hand, else as asked."""
    numbers, numbering = _numbers(run)
    failed, places = 0, {}
    for sample in run.samples():
        text, _, image = sample.case.id.rpartition("/")
        if text not in numbers:
            numbers[text] = len(numbers)
        if sample.outcome != "ok":
            failed += 1
            continue
        home = folder / f"{numbers[text]:05d}"
        if not home.is_dir():
            (home / "samples").mkdir(parents=True)
            (home / "metadata.jsonl").write_text(json.dumps(sample.case.facts["geneval"]), encoding="utf-8")
        file = home / "samples" / f"{int(image):04d}.png"
        file.write_bytes(encode_png(sample.images["output"]))
        places[sample.case.id] = file.relative_to(folder).as_posix()
    homes = sum(1 for path in folder.iterdir())
    said = f"{len(places):,} images of {homes:,} prompts, {numbering}{left_out(failed)}"
    try:
        write_results(folder / RESULTS, _results(run.folder, places, run.limit))
    except UserError as error:
        return f"{said}; no {RESULTS}, since they were not judged here ({error})"
    return f"{said}; the verdicts in {RESULTS}"


def _numbers(run: StoredRun) -> tuple[dict[str, int], str]:
    """Prompt -> its line (0 first) in the file that was asked, if that can still be read; else none yet."""
    try:
        source = open_prompts(run.argument)
    except UserError:
        return {}, "numbered as they were asked (their file is not at hand)"
    if source.revision != run.folder.spec.data_revision:
        return {}, "numbered as they were asked (their file is another one now)"
    return {prompt.text: number for number, prompt in enumerate(source.prompts)}, "numbered as in their file"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command of this module: 0, or 2 with one line about what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tasks.geneval.export", description="a run as GenEval's image folder"
    )
    parser.add_argument("run", help="the run's folder: runs/MODEL/geneval-.../KEY")
    parser.add_argument("--prompts", required=True, help="world, or the path of evaluation_metadata.jsonl")
    parser.add_argument("--to", required=True, help="an empty folder")
    parser.add_argument("--identical", choices=("refuse", "accept"), default="refuse")
    parser.add_argument("--results", help="also write the verdicts, as the script's result file")
    given = parser.parse_args(arguments)
    try:
        run, source = RunFolder.open(given.run), open_prompts(given.prompts)
        images = export_images(run, source, given.to, given.identical)
        if given.results:
            export_results(run, images, source, given.results)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(images)} images of {len({image.prompt for image in images})} prompts in {given.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
