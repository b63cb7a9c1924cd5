"""What this package brings to the catalogue; no torch here."""

from __future__ import annotations

from dataclasses import replace

from baselines.published.entries import PUBLISHED
from harness.contracts import CatalogueEntry, ModelEntry, RecipeEntry, ShownModel

VQGAN_PAPER = "Esser, Rombach and Ommer, Taming Transformers, CVPR 2021, arXiv 2012.09841"
VAR_PAPER = "Tian et al., Visual Autoregressive Modeling, NeurIPS 2024, arXiv 2404.02905"
TOKENIZER = ("ImageTokenizer",)
_FAMILIES = {
    "ddt": ShownModel("DDT", family="DDT", order=1, colour="#0077bb", marker="o"),
    "vqgan": ShownModel("VQGAN", family="VQGAN", order=4, colour="#d55e00", marker="s"),
    "var": ShownModel("VAR", family="VAR", order=5, colour="#008f68", marker="^"),
}
"""How the tokenizers and the language models on them are shown: one colour and one marker for each family."""


def _shuffled(name: str) -> CatalogueEntry:
    return ModelEntry(
        name=f"shuffled-{name}",
        place=f"baselines.controls.tokenizers:open_shuffled_{name}",
        summary=f"control: {name} with its codes in a fixed wrong order",
        provides=TOKENIZER,
        source=f"zoo/{name}",
        licence="MIT",
        shown=ShownModel(f"shuffled {_FAMILIES[name].label}", role="control"),
    )


SPEAKS = (
    *("GeneratesImages", "EditsImages", "EditsWithGuidance", "AnswersQuestions", "ScoresAnswers"),
    *("ScoresText", "ScoresTextInStrides", "ScoresImages", "ScoresCodes"),
)
DDT_PAPER = "Pan et al., CVPR 2025, arXiv 2504.14666"


def _language_model(tokenizer: str, words: str, paper: str) -> CatalogueEntry:
    return ModelEntry(
        name=f"{tokenizer}-llama",
        place="baselines.language_model:open_language_subject",
        summary=f"a small Llama that reads and writes {words}, after instruction tuning",
        provides=SPEAKS,
        source=f"zoo/{tokenizer}-llama-2.9m-s0",
        licence="MIT",
        paper=paper,
        shown=replace(_FAMILIES[tokenizer], label=f"{_FAMILIES[tokenizer].label}-LLaMA"),
    )


LANGUAGE_MODELS: tuple[CatalogueEntry, ...] = (
    _language_model("ddt", "DDT tokens (DDT-LLaMA)", DDT_PAPER),
    _language_model("vqgan", "VQGAN tokens", VQGAN_PAPER),
    _language_model("var", "VAR tokens, scale by scale", VAR_PAPER),
)


def _class_model(tokenizer: str, words: str, paper: str) -> CatalogueEntry:
    return ModelEntry(
        name=f"{tokenizer}-gpt-fashion",
        place="baselines.language_model:open_language_subject",
        summary=f"a small Llama that writes {words} of one of Fashion-MNIST's ten classes",
        provides=("GeneratesClasses",),
        source=f"zoo/{tokenizer}-gpt-fashion",
        licence="MIT",
        paper=paper,
        shown=replace(_FAMILIES[tokenizer], label=f"{_FAMILIES[tokenizer].label}-GPT"),
    )


CLASS_MODELS: tuple[CatalogueEntry, ...] = (
    _class_model("ddt", "DDT tokens", DDT_PAPER),
    _class_model("vqgan", "VQGAN tokens", VQGAN_PAPER),
    _class_model("var", "VAR tokens", VAR_PAPER),
)

MLLM = ModelEntry(
    name="mllm",
    place="baselines.language_model:open_mllm",
    summary="any model that 'train mllm' made; its card says its name, its tokenizer and what it can be asked",
    provides=(*SPEAKS, "GeneratesClasses"),
    needs=("FOLDER that 'ddtbench train mllm' made",),
)

MODELS: tuple[CatalogueEntry, ...] = (
    *LANGUAGE_MODELS,
    *CLASS_MODELS,
    MLLM,
    ModelEntry(
        name="vqgan",
        place="baselines.vqgan:open_vqgan",
        summary="a grid of codes, each the nearest vector to a convolutional latent",
        provides=TOKENIZER,
        source="zoo/vqgan",
        licence="MIT",
        paper=VQGAN_PAPER,
        shown=_FAMILIES["vqgan"],
    ),
    ModelEntry(
        name="var",
        place="baselines.var:open_var",
        summary="multi-scale residual codes, coarse to fine",
        provides=TOKENIZER,
        source="zoo/var",
        licence="MIT",
        paper=VAR_PAPER,
        shown=_FAMILIES["var"],
    ),
    ModelEntry(
        name="identity",
        place="baselines.controls.tokenizers:open_identity",
        summary="control: the 8-bit pixels themselves; nothing can be better (identity@SIZE for a side other than 32)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("identity", role="ceiling", order=12),
    ),
    ModelEntry(
        name="mean-colour",
        place="baselines.controls.tokenizers:open_mean_colour",
        summary="control: one colour for the whole image, 3 codes of 256 (mean-colour@SIZE)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("mean colour", role="floor", order=13),
    ),
    ModelEntry(
        name="jpeg",
        place="baselines.controls.jpeg:open_jpeg",
        summary="control: JPEG in 64 bytes, tables not counted (jpeg@SIZE)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("JPEG", role="control", order=14),
    ),
    ModelEntry(
        name="cutmix",
        place="baselines.controls.mixing:open_cutmix",
        summary="control of counterfactual: the pixels, patch by patch; mixed codes are a true CutMix (cutmix@SIZE)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("true CutMix", role="control", order=16),
    ),
    ModelEntry(
        name="mixup",
        place="baselines.controls.mixing:open_mixup",
        summary="control of counterfactual: the pixels in eight layers; mixed codes are a true MixUp (mixup@SIZE)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("true MixUp", role="control", order=17),
    ),
    ModelEntry(
        name="swap",
        place="baselines.controls.mixing:open_swap",
        summary="control of counterfactual: one code replaces all, so that a mix is the second picture (swap@SIZE)",
        provides=TOKENIZER,
        licence="MIT",
        shown=ShownModel("B itself", role="control", order=18),
    ),
    ModelEntry(
        name="copy-source",
        place="baselines.controls.editing:open_copy_source",
        summary="control of editing: the source as it is, whatever the instruction (copy-source@SIZE)",
        provides=("EditsImages",),
        licence="MIT",
        shown=ShownModel("copy of the source", role="control", order=15),
    ),
    ModelEntry(
        name="image-folder",
        place="baselines.image_folder:open_image_folder",
        summary="images made elsewhere: image-folder@FOLDER (geneval in its layout; fid, also @STATISTICS.npz)",
        provides=("GeneratesImages",),
        needs=("FOLDER of images made elsewhere", "FILE.npz of their statistics"),
    ),
    _shuffled("ddt"),
    _shuffled("vqgan"),
    _shuffled("var"),
)

PERCEPTUAL = ("world-features",)
RECIPES: tuple[CatalogueEntry, ...] = (
    RecipeEntry(
        "vqgan",
        "baselines.recipes:VQGAN_RECIPE",
        "VQGAN of 64 codes of 256",
        paper=VQGAN_PAPER,
        needs=PERCEPTUAL,
    ),
    RecipeEntry(
        "var",
        "baselines.recipes:VAR_RECIPE",
        "VAR's tokenizer of 85 codes of 64",
        paper=VAR_PAPER,
        needs=PERCEPTUAL,
    ),
)

ENTRIES: tuple[CatalogueEntry, ...] = MODELS + PUBLISHED + RECIPES
