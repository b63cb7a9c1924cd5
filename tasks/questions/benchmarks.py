"""The four benchmarks: what each one's protocol says, and where this one departs from it.

=============  ===================================================  ======  =====================================
name           judge of the original                                images  score of an image
=============  ===================================================  ======  =====================================
geneval2       Qwen3-VL-8B-Instruct, probability of the answer      1       Soft-TIFA: mean, geometric mean
t2i-compbench  BLIP-VQA, probability of *yes* to each noun phrase   10      product
dpg-bench      mPLUG-large, *yes* or not                            4       share of yes, parents first
drawbench      people                                               1       VQAScore: probability of *yes*
=============  ===================================================  ======  =====================================

Sources: facebookresearch/GenEval2 at a6e82d2 (``evaluation.py``); Karine-Huang/T2I-CompBench (``BLIP_vqa.py``,
``inference_eval.py``); TencentQQGYLab/ELLA (``compute_dpg_bench.py``, ``dist_eval.sh``); DrawBench has no scorer. Known
deviations:

* The judge is one local vision-language model for all four, named by digest and opened in the file's own precision.
  Only Qwen3-VL-8B-Instruct is GenEval 2's own judge.
* GenEval 2: spellings that begin with the same token are counted once (with Qwen's tokenizer all differ).
* T2I-CompBench: attribute binding only; its noun phrases come from spaCy, here they are the parts between commas and
  *and*, the same for prompts like *a green bench and a blue bowl*; the model is asked VQAScore's question about each.
* DPG-Bench: the original skips the first row of its file and then leaves out the prompt whose parents it lost; here
  all rows count. Prompts are those of the column ``text``. Scores per category are not made. The question is followed
  by *Answer in one word.*
* DrawBench: what the published papers measured on it is people's preference; this is another number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.questions.sets import QuestionedPrompt, read_compbench, read_dpg, read_drawbench, read_geneval2

ONE_WORD = "{} Answer in one word."
VQASCORE = 'Does this image show "{}"? Answer the question with Yes or No.'


@dataclass(frozen=True)
class Benchmark:
    """``files`` are the names under which the data are kept; ``sha256`` and ``count`` are "" and 0 where unknown.

    ``template`` is how a question is put to the model.
    """

    name: str
    source: str
    files: tuple[str, ...]
    read: Callable[[Path], tuple[QuestionedPrompt, ...]]
    template: str
    images: int
    metrics: tuple[str, ...]
    sha256: str = ""
    count: int = 0


GENEVAL2 = Benchmark(
    "geneval2",
    "geneval2_data.jsonl of github.com/facebookresearch/GenEval2",
    ("geneval2_data.jsonl",),
    read_geneval2,
    ONE_WORD,
    1,
    ("soft-tifa-am", "soft-tifa-gm"),
    "09233adbc9f877fba205f1a20efa4a8640e7e62a91dfd55893562bed8a928e43",
    800,
)
COMPBENCH = Benchmark(
    "t2i-compbench",
    "examples/dataset of github.com/Karine-Huang/T2I-CompBench",
    ("color_val.txt", "shape_val.txt", "texture_val.txt"),
    read_compbench,
    VQASCORE,
    10,
    ("attribute-binding",),
)
DPG = Benchmark(
    "dpg-bench",
    "dpg_bench/dpg_bench.csv of github.com/TencentQQGYLab/ELLA",
    ("dpg_bench.csv",),
    read_dpg,
    ONE_WORD,
    4,
    ("dpg",),
)
DRAWBENCH = Benchmark(
    "drawbench",
    "DrawBench's prompts (Saharia et al. 2022) as CSV with the columns Prompts and Category",
    ("drawbench.csv",),
    read_drawbench,
    VQASCORE,
    1,
    ("vqascore",),
    count=200,
)
BENCHMARKS = {item.name: item for item in (GENEVAL2, COMPBENCH, DPG, DRAWBENCH)}
