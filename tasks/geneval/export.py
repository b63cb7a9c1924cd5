"""A run of GenEval in the layout of its own script, for a judge that is not here.

    python -m tasks.geneval.export RUN-FOLDER --prompts PATH/evaluation_metadata.jsonl --to FOLDER

(``--prompts world`` for a run on the world) writes ``NNNNN/metadata.jsonl`` and ``NNNNN/samples/NNNN.png`` and then
checks the folder as ``image_folder`` does, so that a missing, failed or repeated image is named before anything is
scored. ``--results FILE`` also writes what was judged here as the script's own result file, which its
``summary_scores.py`` reads.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.files import Folder
from harness.images import encode_png
from harness.store import RunFolder
from tasks.geneval.image_folder import IMAGES_PER_PROMPT, GeneratedImage, check_images
from tasks.geneval.metrics import JudgedImages
from tasks.geneval.prompt_sets import PromptSource, open_prompts
from tasks.geneval.results import Result, write_results
from tasks.geneval.scoring import Verdict, filter_detections
from tasks.geneval.sights import COCO


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
    columns = run.columns().columns
    if missing := [name for name in COCO.columns if name not in columns]:
        raise UserError(f"{run.path} has no column '{missing[0]}': ddtbench observe it first (on the official prompts)")
    judged = JudgedImages.of(columns, COCO)
    places = {f"{source.prompts[image.prompt].text}/{image.number}": image for image in images}
    results = []
    for case, prompt, found in zip(judged.cases, judged.prompts, judged.judgements, strict=True):
        if found.score is None:
            raise UserError(f"image {case}: {found.absent}")
        kept = filter_detections(judged.judge.stored.images[case], prompt.tag, COCO.rules)
        results.append(Result(str(places[case].path), prompt, Verdict(bool(found.score), found.reason), kept))
    write_results(to, results)


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
