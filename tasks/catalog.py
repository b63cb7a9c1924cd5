"""What this package brings to the catalogue; no torch here."""

from __future__ import annotations

from harness.contracts import (
    CatalogueEntry,
    ClaimsEntry,
    ConventionsEntry,
    DataEntry,
    MetricEntry,
    PublishedEntry,
    ShownMetric,
    StreamEntry,
    SuiteEntry,
    TaskEntry,
)
from tasks.data.entries import DATA_ENTRIES
from tasks.editing.entries import EDITING_ENTRIES
from tasks.fid.entries import FID_ENTRIES
from tasks.generation.entries import GENERATION_ENTRIES
from tasks.geneval.entries import GENEVAL_ENTRIES
from tasks.lmms.entries import LMMS_ENTRIES
from tasks.mme.entries import MME_ENTRIES
from tasks.perplexity.shown import POSITIONS, STRIDED, TEXT
from tasks.questions.entries import QUESTION_ENTRIES
from tasks.tokenizing.shown import ATTRIBUTES, COUNTERFACTUAL, PROGRESSIVE, RECONSTRUCTION, RECURSION
from tasks.world.entries import WORLD_ENTRIES

DDT_PAPER = "Pan et al., CVPR 2025, arXiv 2504.14666"
FASHION_LICENCE = "MIT (Zalando SE)"
FASHION_PAPER = "Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747"

DATA: tuple[CatalogueEntry, ...] = (
    DataEntry(
        "fashion-mnist",
        "tasks.data.fashion_mnist:fashion_mnist",
        "Fashion-MNIST's 70,000 pictures, by --fetch or --from FOLDER",
        licence=FASHION_LICENCE,
        paper=FASHION_PAPER,
        at_hand="tasks.data.fashion_mnist:fashion_at_hand",
    ),
    StreamEntry(
        "fashion",
        "tasks.tokenizing.streams:open_fashion_stream",
        "Fashion-MNIST's 60,000 training images, padded to 32x32 RGB, mirrored at random",
        licence=FASHION_LICENCE,
        paper=FASHION_PAPER,
    ),
    StreamEntry(
        "fashion-lessons",
        "tasks.fashion.lessons:open_fashion_lessons",
        "Fashion-MNIST's training images with their classes: what class-conditional models learn from",
        licence=FASHION_LICENCE,
        paper=FASHION_PAPER,
    ),
    StreamEntry(
        "world+fashion",
        "tasks.tokenizing.streams:open_world_and_fashion",
        "each batch half world scenes, half Fashion-MNIST: what the zoo's tokenizers are trained on",
        licence=FASHION_LICENCE,
        paper=FASHION_PAPER,
    ),
    StreamEntry(
        "world+fashion-validation",
        "tasks.tokenizing.validation:open_mixture_validation",
        "256 validation scenes and 256 products: what choices during a tokenizer's training are made on",
        licence=FASHION_LICENCE,
        paper=FASHION_PAPER,
    ),
    DataEntry(
        "wikipedia",
        "tasks.data.wikipedia:wikipedia",
        "4,111 paragraphs of 97 Wikipedia articles, from gensim's files or --from FILE",
        licence="CC BY-SA 3.0 and GFDL",
        at_hand="tasks.data.wikipedia:wikipedia_at_hand",
    ),
)

TASKS: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "reconstruction",
        "tasks.tokenizing.reconstruction:build",
        "encode and decode images of world, fashion, photos, imagenet-val[:PATH] or a folder: PSNR, SSIM, LPIPS, "
        "FD-world, objects, bits",
        licence="world and Fashion-MNIST: MIT; photographs as their facts say; ImageNet: research use",
        paper="arXiv 2012.09841, 2404.02905, 2505.07538 (tables of PSNR, SSIM and rFID)",
        data=("fashion-mnist", "imagenet-val"),
        shown=RECONSTRUCTION,
    ),
    TaskEntry(
        "progressive",
        "tasks.tokenizing.progressive:build",
        "the image from the first 1, K/8, 2K/8 ... K codes, and from the last ones; @drawn-by:MODEL of drawn codes",
        paper=DDT_PAPER,
        shown=PROGRESSIVE,
    ),
    TaskEntry(
        "recursion",
        "tasks.tokenizing.recursion:build",
        "the clean image from any timestep: with its codes, with none, and with those of another image",
        paper=DDT_PAPER,
        shown=RECURSION,
    ),
    TaskEntry(
        "counterfactual",
        "tasks.tokenizing.counterfactual:build",
        "a growing part of the codes replaced by another image's: is it a cut, a cross-fade, or a blend of attributes?",
        paper=DDT_PAPER,
        shown=COUNTERFACTUAL,
    ),
    TaskEntry(
        "perplexity",
        "tasks.perplexity.tasks:build",
        "bits of wikipedia, wikitext[:PATH], captions, captions-given-image, image-codes, image-codes-given-caption or "
        "a text FILE, in lm-eval's rolling windows",
        licence="captions and codes: MIT (ours); Wikipedia and WikiText: CC BY-SA and GFDL",
        paper="EleutherAI/lm-evaluation-harness (definitions)",
        cites=("eleutherai-evalharness",),
        data=("wikipedia", "wikitext"),
        shown=TEXT,
    ),
    TaskEntry(
        "perplexity-strided",
        "tasks.perplexity.tasks:build_strided",
        "bits of wikipedia, wikitext[:PATH], captions or a text FILE, in windows that overlap by half",
        licence="captions: MIT (ours); Wikipedia and WikiText: CC BY-SA and GFDL",
        paper="transformers documentation, 'Perplexity of fixed-length models'",
        cites=("transformers-perplexity",),
        data=("wikipedia", "wikitext"),
        shown=STRIDED,
    ),
    TaskEntry(
        "code-entropy",
        "tasks.perplexity.positions:build",
        "what a language model expects of each image code, against its position: entropy and surprise",
        licence="MIT (ours)",
        paper=DDT_PAPER,
        shown=POSITIONS,
    ),
)

RECOVERED: tuple[CatalogueEntry, ...] = tuple(
    MetricEntry(
        f"recovered-{attribute}{'-reversed' if last else ''}",
        f"tasks.tokenizing.progressive:{attribute}{'_reversed' if last else ''}",
        f"share of {'pictures' if attribute == 'background' else 'objects'} whose {attribute} a part of the codes "
        f"tells, {'from the last code on' if last else 'native order'}",
        shown=ShownMetric(f"{attribute}, {'last' if last else 'first'} codes", order=25 + last),
    )
    for last in (False, True)
    for attribute in ATTRIBUTES
)

METRICS: tuple[CatalogueEntry, ...] = (
    *RECOVERED,
    MetricEntry(
        "code-entropy",
        "tasks.perplexity.positions:code_entropy",
        "entropy of what is predicted for an image code, as a share of the log of the codebook's size",
        shown=ShownMetric("entropy"),
    ),
    MetricEntry(
        "code-entropy-fall",
        "tasks.perplexity.positions:entropy_fall",
        "how much surer the predictions of the second half of the codes are, as a share of the same log",
        shown=ShownMetric("fall of entropy"),
    ),
    MetricEntry(
        "progressive-psnr",
        "tasks.tokenizing.progressive:area_first",
        "PSNR over the share of codes shown, native order",
        shown=ShownMetric("PSNR, first codes", order=16),
    ),
    MetricEntry(
        "progressive-psnr-reversed",
        "tasks.tokenizing.progressive:area_last",
        "the same from the last code on",
        shown=ShownMetric("PSNR, last codes", order=17),
    ),
    MetricEntry(
        "recursion-gain",
        "tasks.tokenizing.recursion:gain",
        "dB that the codes add to no codes, mean over timesteps",
        shown=ShownMetric("gain over no codes", order=18),
    ),
    MetricEntry(
        "recursion-gain-over-shuffled",
        "tasks.tokenizing.recursion:gain_over_shuffled",
        "and to another image's codes",
        shown=ShownMetric("gain over others' codes", order=19),
    ),
    MetricEntry(
        "recursion-gain-at-0.2",
        "tasks.tokenizing.recursion:gain_at_02",
        "dB that the codes add to no codes at t = 0.2",
    ),
    MetricEntry(
        "recursion-gain-at-0.5",
        "tasks.tokenizing.recursion:gain_at_05",
        "dB that the codes add to no codes at t = 0.5",
    ),
    MetricEntry(
        "recursion-gain-at-0.8",
        "tasks.tokenizing.recursion:gain_at_08",
        "dB that the codes add to no codes at t = 0.8",
    ),
    MetricEntry(
        "recursion-gain-at-1.0",
        "tasks.tokenizing.recursion:gain_at_1",
        "dB that the codes add to no codes at t = 1",
    ),
    MetricEntry(
        "cut-and-paste",
        "tasks.tokenizing.counterfactual:cut_and_paste",
        "share of a mixed picture's energy that the best mask of 4x4 patches explains; a true CutMix has 1",
        shown=ShownMetric("cut and paste", order=21),
    ),
    MetricEntry(
        "mix-up",
        "tasks.tokenizing.counterfactual:mix_up",
        "share of a mixed picture's energy that the best cross-fade explains; a true MixUp has 1",
        shown=ShownMetric("mix-up", order=22),
    ),
    MetricEntry(
        "semantic",
        "tasks.tokenizing.counterfactual:semantic_share",
        "share of a mixed picture's objects with shape, colour and place of A or B and pixels that neither explains",
        shown=ShownMetric("semantic", order=20),
    ),
    MetricEntry(
        "cut-over-mix",
        "tasks.tokenizing.counterfactual:cut_over_mix",
        "is a mixed picture nearer to a cut (1) or to a cross-fade (-1)?",
        shown=ShownMetric("cut over mix", order=23),
    ),
    MetricEntry(
        "neither-explains",
        "tasks.tokenizing.counterfactual:neither_explains",
        "share of a mixed picture's energy that neither the best cut nor the best cross-fade explains",
        shown=ShownMetric("neither explains", order=24),
    ),
    MetricEntry(
        "recursion-psnr",
        "tasks.tokenizing.recursion:mean_psnr",
        "PSNR of one-step estimates, mean over timesteps",
        shown=ShownMetric("one-step PSNR"),
    ),
)

SUITES: tuple[CatalogueEntry, ...] = (
    SuiteEntry("scaling", "tasks.suites:scaling", "GenEval and perplexity, for each point of a scaling curve"),
    SuiteEntry("demo", "tasks.suites:demo", "paper-small in short, and the tokenizers on world and fashion"),
    SuiteEntry(
        "paper-small",
        "tasks.suites:paper_small",
        "the paper's comparison on the world: three language models, five tasks",
    ),
    SuiteEntry("gate", "tasks.suites:gate", "what 'ddtbench gate' asks of a checkpoint: five tasks"),
    SuiteEntry("world", "tasks.suites:world", "1,000 world scenes: objects, progressive decoding, recursion"),
    SuiteEntry("fashion", "tasks.suites:fashion", "all 10,000 Fashion-MNIST test images", licence=FASHION_LICENCE),
    SuiteEntry("photos", "tasks.suites:photos", "photographs that scikit-image and foolbox ship"),
)

CLAIMS: tuple[CatalogueEntry, ...] = (
    ClaimsEntry(
        "tokens",
        "tasks/tokenizing/claims.toml",
        "DDT's tokens are recursive, fine to coarse, and blend",
        paper=DDT_PAPER,
        order=10,
    ),
    ClaimsEntry(
        "languages", "tasks/perplexity/claims.toml", "impossible language, synergy, scaling", paper=DDT_PAPER, order=20
    ),
    ClaimsEntry(
        "drawing", "tasks/geneval/claims.toml", "DDT reaches a better GenEval, and it scales", paper=DDT_PAPER, order=30
    ),
    ClaimsEntry("edits", "tasks/editing/claims.toml", "DDT edits better and keeps the rest", paper=DDT_PAPER, order=40),
    ClaimsEntry("answers", "tasks/mme/claims.toml", "DDT answers questions better", paper=DDT_PAPER, order=50),
)

PUBLISHED: tuple[CatalogueEntry, ...] = (
    PublishedEntry("geneval", "tasks/geneval/published.toml", "GenEval: overall and six tags"),
    PublishedEntry(
        "t2i-compbench", "tasks/questions/published/t2i-compbench.toml", "T2I-CompBench: colour, shape, texture"
    ),
    PublishedEntry("dpg", "tasks/questions/published/dpg.toml", "DPG-Bench: overall and five categories"),
    PublishedEntry(
        "reconstruction", "tasks/tokenizing/published.toml", "tokenizers on ImageNet 256: rFID, PSNR, SSIM, LPIPS"
    ),
    PublishedEntry("class-fid", "tasks/fid/published.toml", "class-conditional generation on ImageNet 256: gFID, IS"),
    PublishedEntry("mme", "tasks/mme/published.toml", "MME: perception, cognition, total"),
    PublishedEntry("editing", "tasks/editing/published.toml", "MagicBrush, Emu Edit, GEdit-EN: L1, CLIP, DINO, CVS"),
    PublishedEntry("comprehension", "tasks/lmms/published.toml", "NoCaps, POPE, MMMU"),
    PublishedEntry("generation", "tasks/generation/published.toml", "text to image: CMMD, FID on COCO, OneIG"),
)

CONVENTIONS: tuple[CatalogueEntry, ...] = (
    ConventionsEntry(
        "reconstruction",
        "tasks/tokenizing/conventions.toml",
        "how released programs score reconstructions: PSNR, SSIM, LPIPS, rFID",
    ),
)

ENTRIES: tuple[CatalogueEntry, ...] = (
    *WORLD_ENTRIES,
    *DATA,
    *DATA_ENTRIES,
    *TASKS,
    *GENEVAL_ENTRIES,
    *QUESTION_ENTRIES,
    *MME_ENTRIES,
    *LMMS_ENTRIES,
    *EDITING_ENTRIES,
    *METRICS,
    *PUBLISHED,
    *CONVENTIONS,
    *GENERATION_ENTRIES,
    *FID_ENTRIES,
    *SUITES,
    *CLAIMS,
)
