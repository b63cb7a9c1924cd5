"""Entries of weights that others publish and of models that other libraries keep; each needs its path. No torch
here."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, ModelEntry

VQGAN_PAPER = "Esser, Rombach and Ommer, Taming Transformers, CVPR 2021, arXiv 2012.09841"
VAR_PAPER = "Tian et al., Visual Autoregressive Modeling, NeurIPS 2024, arXiv 2404.02905"
LLAMAGEN_PAPER = "Sun et al., Autoregressive Model Beats Diffusion, 2024, arXiv 2406.06525"
SELFTOK_PAPER = "Selftok Team, 2025, arXiv 2505.07538"


def _entry(
    name: str, place: str, summary: str, provides: tuple[str, ...], needs: str, licence: str, paper: str
) -> CatalogueEntry:
    return ModelEntry(name, place, summary, provides=provides, licence=licence, paper=paper, needs=(needs,))


TOKENIZERS: tuple[CatalogueEntry, ...] = (
    _entry(
        "selftok",
        "baselines.published.selftok:open_selftok",
        "the released Selftok tokenizer, 512 codes of 32,768, 256 px, 50 Euler steps",
        ("ImageTokenizer", "Denoises"),
        "FOLDER with tokenizer_512_ckpt.pth and the vae/ of Stable Diffusion 3",
        "MIT; the autoencoder's licence is Stability AI's",
        SELFTOK_PAPER,
    ),
    _entry(
        "selftok-renderer",
        "baselines.published.selftok:open_selftok_renderer",
        "the released Selftok tokenizer with its one-step renderer",
        ("ImageTokenizer",),
        "FOLDER with renderer_512_ckpt.pth and the vae/ of Stable Diffusion 3",
        "MIT; the autoencoder's licence is Stability AI's",
        SELFTOK_PAPER,
    ),
    _entry(
        "taming-vqgan",
        "baselines.published.doors:open_taming_vqgan",
        "taming-transformers' VQGAN, f16, 1,024 or 16,384 codes, 256 px",
        ("ImageTokenizer",),
        "FILE last.ckpt",
        "MIT",
        VQGAN_PAPER,
    ),
    _entry(
        "llamagen-vq",
        "baselines.published.doors:open_llamagen_vq",
        "LlamaGen's VQ-16, 256 codes of 16,384 of unit length, 256 px",
        ("ImageTokenizer",),
        "FILE vq_ds16_c2i.pt",
        "MIT",
        LLAMAGEN_PAPER,
    ),
    _entry(
        "var-vae",
        "baselines.published.doors:open_var_vae",
        "VAR's published tokenizer, 680 codes of 4,096 on ten scales, 256 px",
        ("ImageTokenizer",),
        "FILE vae_ch160v4096z32.pth",
        "MIT",
        VAR_PAPER,
    ),
)


def _var(depth: int) -> CatalogueEntry:
    return _entry(
        f"var-d{depth}",
        f"baselines.published.doors:open_var_d{depth}",
        f"VAR of {depth} blocks: ImageNet class to image, 256 px",
        ("GeneratesClasses",),
        f"FOLDER with var_d{depth}.pth and vae_ch160v4096z32.pth",
        "MIT",
        VAR_PAPER,
    )


CLASS_GENERATORS: tuple[CatalogueEntry, ...] = (
    *(_var(depth) for depth in (16, 20, 24, 30)),
    _entry(
        "llamagen-gpt",
        "baselines.published.doors:open_llamagen_gpt",
        "LlamaGen, B to 3B: ImageNet class to image, 256 or 384 px",
        ("GeneratesClasses",),
        "FOLDER with c2i_B_256.pt (or another c2i file) and vq_ds16_c2i.pt",
        "MIT",
        LLAMAGEN_PAPER,
    ),
)

FOLDER = "FOLDER as save_pretrained writes it, or a hub id OWNER/NAME[#REVISION[#WEIGHTS]]"
IN_LIBRARIES: tuple[CatalogueEntry, ...] = (
    _entry(
        "janus",
        "baselines.libraries.janus:open_janus",
        "Janus or Janus-Pro through transformers: text to image, and answering",
        ("GeneratesImages", "AnswersQuestions"),
        FOLDER,
        "DeepSeek's model licence; code Apache-2.0",
        "Chen et al., Janus-Pro, 2025, arXiv 2501.17811",
    ),
    _entry(
        "emu3",
        "baselines.libraries.emu3:open_emu3",
        "Emu3 through transformers: text to image (Emu3-Gen), and answering (Emu3-Chat)",
        ("GeneratesImages", "AnswersQuestions"),
        FOLDER,
        "Apache-2.0",
        "Wang et al., Emu3, 2024, arXiv 2409.18869",
    ),
    _entry(
        "chameleon",
        "baselines.libraries.chameleon:open_chameleon",
        "Chameleon through transformers: answering",
        ("AnswersQuestions",),
        FOLDER,
        "Chameleon research licence; code Apache-2.0",
        "Chameleon Team, 2024, arXiv 2405.09818",
    ),
    _entry(
        "diffusers",
        "baselines.libraries.diffusion:open_diffusers",
        "any text-to-image pipeline of diffusers, with its own defaults",
        ("GeneratesImages",),
        FOLDER,
        "the pipeline's own",
        "",
    ),
    _entry(
        "instruct-pix2pix",
        "baselines.libraries.diffusion:open_instruct_pix2pix",
        "InstructPix2Pix or any pipeline of diffusers that edits a picture by an instruction",
        ("EditsImages",),
        FOLDER,
        "the pipeline's own",
        "Brooks, Holynski and Efros, InstructPix2Pix, CVPR 2023, arXiv 2211.09800",
    ),
)

TEXT_MODELS: tuple[CatalogueEntry, ...] = (
    _entry(
        "hf-lm",
        "baselines.libraries.causal_lm:open_causal_lm",
        "any causal language model of transformers as it is: perplexity on text",
        ("ScoresText", "ScoresTextInStrides"),
        FOLDER,
        "the model's own",
        "",
    ),
)

SERVED: tuple[CatalogueEntry, ...] = (
    _entry(
        "openai",
        "baselines.openai_server.subject:open_served",
        "a model behind an OpenAI-compatible server (vLLM, SGLang, vLLM-Omni): what the server offers of these",
        ("AnswersQuestions", "ScoresText", "GeneratesImages"),
        "URL#MODEL of a server, as in openai@http://localhost:8000/v1#MODEL",
        "the model's own",
        "",
    ),
)

PUBLISHED: tuple[CatalogueEntry, ...] = TOKENIZERS + CLASS_GENERATORS + IN_LIBRARIES + TEXT_MODELS + SERVED
