"""Draws prompts.png, the README's picture: what three language models drew for the first six prompts of GenEval.

    ddtbench run geneval@world -m ddt-llama -m vqgan-llama -m var-llama --limit 96 --out runs
    python docs/figures/prompts.py runs

Nothing is chosen by looking: the first prompt of each of the six tags, and the first picture of each. Right and wrong
are the stored scores.
"""

import io
import sys
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

MODELS = {"ddt-llama": "DDT-LLaMA", "vqgan-llama": "VQGAN-LLaMA", "var-llama": "VAR-LLaMA"}
MARKS = {True: ("right", "#1a7f37"), False: ("wrong", "#b42318")}
PROMPTS = 6


def stored(runs: Path, model: str) -> tuple[pd.DataFrame, pd.Series]:
    """(samples in the order in which they were asked, case -> whether it is right)."""
    [run] = (runs / model / "geneval-world").iterdir()
    samples = pd.concat([pd.read_parquet(part) for part in sorted(run.glob("samples/*.parquet"))])
    [scores] = (pd.read_parquet(path) for path in run.glob("measures/*/scores.parquet"))
    return samples, scores[scores.metric == "geneval"].set_index("case").numerator == 1


def draw(runs: Path, to: Path) -> None:
    figure, places = plt.subplots(len(MODELS), PROMPTS, figsize=(9.6, 6.4), squeeze=False)
    for row, (line, (model, label)) in enumerate(zip(places, MODELS.items(), strict=True)):
        samples, right = stored(runs, model)
        for column, (place, sample) in enumerate(zip(line, samples.head(PROMPTS).to_dict("records"), strict=True)):
            place.imshow(Image.open(io.BytesIO(sample["images"][0]["image"]["bytes"])), interpolation="nearest")
            place.set(xticks=[], yticks=[])
            word, colour = MARKS[bool(right[sample["case"]])]
            place.set_xlabel(word, color=colour, fontsize=10)
            for edge in place.spines.values():
                edge.set(color=colour, linewidth=2)
            if not row:
                place.set_title(textwrap.fill(sample["group"], 18), fontsize=10, pad=8)
            if not column:
                place.set_ylabel(label, fontsize=11, fontweight="bold", labelpad=8)
    figure.tight_layout(h_pad=0.6, w_pad=0.6)
    figure.savefig(to, dpi=120)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(__file__).with_name("prompts.png"))
