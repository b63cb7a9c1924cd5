"""FID's line of the catalogue."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, MetricEntry, ShownTask, TaskEntry

SHOWN = ShownTask("FID", order=25, asked=("{caption}", "class {label}", "{file}"))

FID_ENTRIES: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "fid",
        "tasks.fid.task:build",
        "generated pictures, or a folder of any, against a folder or statistics: fid@[PROTOCOL@][crop@]FOLDER|FILE.npz",
        needs=("FOLDER or FILE.npz",),
        paper="arXiv 1706.08500",
        shown=SHOWN,
    ),
    MetricEntry(
        "fid-of",
        "harness.metrics.by_features:fid_of",
        "FID of outputs known by their statistics: fid-of@PROTOCOL@OUTPUTS.npz[|REFERENCES.npz]",
        needs=("OUTPUTS.npz",),
        paper="arXiv 1706.08500",
    ),
)
