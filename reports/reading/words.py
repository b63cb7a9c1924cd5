"""Labels of metrics, and what they are in plain words (the catalogue's own, where it has them)."""

from __future__ import annotations

from functools import cache

METRIC_LABELS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "l1": "L1",
    "l2": "L2",
    "l1-outside": "L1 outside",
    "l1-target": "L1",
    "l2-target": "L2",
    "l1-source": "L1 to the source",
    "clip-i": "CLIP-I",
    "clip-t": "CLIP-T",
    "clip-t-of-truth": "CLIP-T of the true edit",
    "dino": "DINO",
    "dino-source": "DINO to the source",
    "cvs-assumed": "CVS (assumed: CLIP-I)",
    "clip-dir": "CLIPdir",
    "clip-im": "CLIPim",
    "clip-out": "CLIPout",
    "token-perplexity": "token perplexity",
    "fd-world": "FD-world",
    "fid": "FID",
    "sfid": "sFID",
    "fid-infinity": "FID, N \N{RIGHTWARDS ARROW} \N{INFINITY}",
    "kid": "KID",
    "fd": "FD",
    "kid-paired": "KID, paired",
    "kid-subsets": "KID, subsets",
    "kd": "KD",
    "inception-score": "Inception score",
    "inception-score-unsplit": "Inception score, unsplit",
    "cmmd": "CMMD",
    "fd-infinity": "FD-world, N \N{RIGHTWARDS ARROW} \N{INFINITY}",
    "kd-world": "KD-world",
    "kd-world-paired": "KD-world, paired",
    "precision-world": "precision",
    "recall-world": "recall",
    "density-world": "density",
    "coverage-world": "coverage",
    "kid-efficientnet-lite0": "KID, EfficientNet",
    "kid-efficientnet-lite0-paired": "KID, EfficientNet, paired",
    "fd-fashion": "FD-fashion",
    "fd-fashion-infinity": "FD-fashion, N \N{RIGHTWARDS ARROW} \N{INFINITY}",
    "kd-fashion": "KD-fashion",
    "precision-fashion": "precision",
    "recall-fashion": "recall",
    "density-fashion": "density",
    "coverage-fashion": "coverage",
    "class-agreement": "class read right",
    "object-f1": "object F1",
    "progressive-psnr": "PSNR, first codes",
    "progressive-psnr-reversed": "PSNR, last codes",
    "recursion-psnr": "one-step PSNR",
    "recursion-gain": "gain over no codes",
    "recursion-gain-over-shuffled": "gain over others' codes",
    "geneval": "GenEval",
    "geneval-prompts": "any of four",
    "geneval-held-out": "held out",
    "geneval-seen": "seen",
    "geneval-shuffled": "by chance",
    "geneval-coco": "GenEval (COCO)",
    "mme-score": "score per subtask",
    "mme-percent": "of the maximum",
    "mme-total": "total",
    "mme-acc": "acc",
    "mme-acc-plus": "acc+",
    "mme-yes-rate": "answers yes",
    "mme-other": "neither yes nor no",
    "mme-total-lmms-eval": "total, lmms-eval",
    "mme-total-vlmevalkit": "total, VLMEvalKit",
    "mme-perception": "MME-P",
    "mme-cognition": "MME-C",
    "edit-success": "instruction done",
    "edit-exact": "exact",
    "edit-preserved": "rest kept",
    "edit-success-held-out": "done, held out",
    "cos-world": "similarity",
    "bits-per-byte": "bits per byte",
    "byte-perplexity": "byte perplexity",
    "word-perplexity": "word perplexity",
    "bits-per-text": "bits per text",
    "bits-from-context": "saved by context",
    "nll-bits-per-image": "bits per image, predicted",
    "nll-bits-per-pixel": "bits per pixel, predicted",
    "nll-over-log-codebook": "nll / log V",
}


def label_of_metric(name: str) -> str:
    """The label, or the name with spaces; behind it, what follows the ``@``."""
    plain, _, features = name.partition("@")
    label = METRIC_LABELS.get(plain, plain.replace("_", " ").replace("-", " "))
    return f"{label} ({features})" if features else label


@cache
def meaning_of(name: str) -> str:
    """What a metric is, in the words of its line of the catalogue; '' for one that is not installed here."""
    from harness import catalog
    from harness.errors import UserError

    try:
        return catalog.lookup("metric", catalog.split_name(name)[0]).summary
    except UserError:
        return ""
