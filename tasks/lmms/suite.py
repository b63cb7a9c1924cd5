"""The nine understanding sets of the DDT-LLaMA paper (Pan et al., CVPR 2025, arXiv 2504.14666), each one line."""

from __future__ import annotations

from harness.spec import SuiteSpec

MODELS = ("ddt-llama", "vqgan-llama", "var-llama")
NINE = (
    "lmms@mme",
    "lmms@pope",
    "lmms@seedbench",
    "lmms@vqav2_val",
    "lmms@gqa",
    "lmms@ok_vqa_val2014",
    "lmms@vizwiz_vqa_val",
    "lmms@nocaps_val",
    "lmms@flickr30k_test",
)


def understanding() -> SuiteSpec:
    """MME, POPE, SEED-Bench, VQAv2 (val), GQA, OKVQA, VizWiz (val), NoCaps (val) and Flickr30K through lmms-eval.

    Needs the extra ``lmms``, the nine data sets (the dry run says which are missing and how to get them) and, for the
    two sets of captions, Java. VQAv2's validation set is by far the largest: without a limit this is for a GPU."""
    return SuiteSpec.of("understanding", MODELS, NINE)
