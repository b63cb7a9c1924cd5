"""What this package brings to the catalogue; no torch here."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, ModelEntry, RecipeEntry, ShownModel, TrainerEntry

PAPER = (
    "Pan et al., Generative Multimodal Pretraining with Discrete Diffusion Timestep Tokens, CVPR 2025, arXiv 2504.14666"
)

SCALED = tuple((size, 0) for size in ("0.2m", "0.5m", "1.2m", "2.9m"))
"""The sizes of the scaling curves, each with its training seed; more seeds only where they are compared."""
SEEDS = (0, 1, 2)
"""The training seeds of what is compared between kinds of training: three are the fewest that give an interval."""
SPOKEN = {"ddt": "DDT tokens", "vqgan": "VQGAN tokens", "var": "VAR tokens"}


def _language_recipe(name: str, summary: str, tokenizer: str) -> CatalogueEntry:
    return RecipeEntry(name, f"zoo/recipes/{name}.toml", summary, needs=(tokenizer,))


LANGUAGE_RECIPES: tuple[CatalogueEntry, ...] = (
    *(
        _language_recipe(f"{name}-llama-2.9m-s0", f"a Llama of 2.95M parameters on {words}, training seed 0", name)
        for name, words in SPOKEN.items()
    ),
    *(
        _language_recipe(
            f"{name}-scaling-{size}-s{seed}", f"a Llama of {size.upper()} parameters on {words}, stage 1 alone", name
        )
        for name, words in SPOKEN.items()
        for size, seed in (*SCALED, *(("0.5m", seed) for seed in (1, 2)))
    ),
    *(
        _language_recipe(f"{name}-scaling-0.5m-{order}-s{seed}", f"a Llama of 0.5M parameters on {words} {order}", name)
        for name, words in SPOKEN.items()
        for order in ("reversed", "shuffled")
        for seed in SEEDS
    ),
    *(
        _language_recipe(f"text-scaling-0.5m-s{seed}", "a Llama of 0.5M parameters that sees no picture", "ddt")
        for seed in SEEDS
    ),
    *(
        _language_recipe(f"{name}-gpt-fashion", f"a class-conditional Llama of 0.5M parameters on {words}", name)
        for name, words in SPOKEN.items()
    ),
)
"""One TOML file each, in ``zoo/recipes``."""

ENTRIES: tuple[CatalogueEntry, ...] = (
    *LANGUAGE_RECIPES,
    ModelEntry(
        name="ddt",
        place="ddt_llama.tokenizer.model:open_tokenizer",
        summary="discrete diffusion timestep tokens, decoded by rectified flow from noise",
        provides=("ImageTokenizer", "Denoises"),
        source="zoo/ddt",
        licence="MIT",
        paper=PAPER,
        shown=ShownModel("DDT", family="DDT", order=1, colour="#0077bb", marker="o"),
    ),
    ModelEntry(
        name="ddt-sampled",
        place="ddt_llama.tokenizer.model:open_sampled",
        summary="ddt decoded in 25 Euler steps instead of one: a draw from what the codes leave open",
        provides=("ImageTokenizer", "Denoises"),
        source="zoo/ddt",
        licence="MIT",
        paper=PAPER,
        shown=ShownModel("DDT, sampled", family="DDT", order=2),
    ),
    ModelEntry(
        name="ddt-chained",
        place="ddt_llama.tokenizer.model:open_tokenizer",
        summary="the codes of ddt, its decoder trained once more through its own chain: 8 Euler steps, a mean, no draw",
        provides=("ImageTokenizer", "Denoises"),
        source="zoo/ddt-chained",
        licence="MIT",
        paper=PAPER,
        shown=ShownModel("DDT, second stage", family="DDT", order=3),
    ),
    RecipeEntry(
        "autoencoder",
        "ddt_llama.recipes:AUTOENCODER",
        "the KL autoencoder under DDT's latents",
        needs=("world-features",),
    ),
    RecipeEntry(
        "autoencoder-long",
        "ddt_llama.recipes:AUTOENCODER_LONG",
        "the same, trained on: what the next DDT is made on",
        needs=("autoencoder",),
    ),
    RecipeEntry("ddt", "ddt_llama.recipes:DDT", "the DDT tokenizer on cached latents", needs=("autoencoder",)),
    RecipeEntry(
        "ddt-continuous",
        "ddt_llama.recipes:DDT_CONTINUOUS",
        "no quantisation: the ceiling that the quantisers are tried from",
        needs=("ddt", "autoencoder-long"),
    ),
    RecipeEntry(
        "ddt-own",
        "ddt_llama.recipes:DDT_OWN",
        "a codebook for each position, from there on",
        needs=("ddt-continuous",),
    ),
    RecipeEntry("ddt-own-long", "ddt_llama.recipes:DDT_OWN_LONG", "the same, trained on", needs=("ddt-own",)),
    RecipeEntry(
        "ddt-own-chained",
        "ddt_llama.recipes:DDT_OWN_CHAINED",
        "its second stage: the next DDT of the zoo",
        needs=("ddt-own-long",),
    ),
    RecipeEntry(
        "ddt-own-renderer",
        "ddt_llama.recipes:DDT_OWN_RENDERER",
        "Selftok's one-step renderer of the same codes",
        needs=("ddt-own-long", "world-features"),
    ),
    RecipeEntry(
        "ddt-chained",
        "ddt_llama.recipes:DDT_CHAINED",
        "its second stage: the same codes, the decoder trained through chains of steps",
        needs=("ddt",),
    ),
    TrainerEntry(
        "mllm",
        "ddt_llama.training.stages:train_language",
        "trains any language-model recipe on accelerate",
    ),
    TrainerEntry("tokenizer", "ddt_llama.training.tokenizer:train", "trains any tokenizer recipe on accelerate"),
)
