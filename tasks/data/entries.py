"""The lines of the catalogue for published data sets; no torch here."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, DataEntry


def _data(name: str, module: str, summary: str, licence: str, paper: str) -> CatalogueEntry:
    place = f"tasks.data.{module}"
    return DataEntry(name, f"{place}:prepare", summary, licence=licence, at_hand=f"{place}:at_hand", paper=paper)


DATA_ENTRIES: tuple[CatalogueEntry, ...] = (
    _data(
        "magicbrush",
        "magicbrush",
        "MagicBrush's test split, 535 sessions of 1,053 edits, from its archive or Parquet",
        "CC BY 4.0",
        "Zhang et al. 2023, arXiv 2306.10012",
    ),
    _data(
        "emu-edit",
        "emu_edit",
        "Emu Edit's test set, 3,589 instructions with captions, from the hub's Parquet",
        "CC BY-NC 4.0",
        "Sheynin et al. 2023, arXiv 2311.10089",
    ),
    _data(
        "imagenet-val",
        "imagenet_val",
        "ImageNet's 50,000 validation photographs, from the hub's Parquet",
        "research use, by ImageNet's terms",
        "Russakovsky et al. 2015, arXiv 1409.0575",
    ),
    _data(
        "coco-captions-30k",
        "coco_captions",
        "30,000 captions of COCO 2014's validation split and their pictures, from COCO's own files or Parquet",
        "annotations CC BY 4.0, pictures by Flickr's terms",
        "Lin et al. 2014, arXiv 1405.0312",
    ),
    _data(
        "wikitext",
        "wikitext",
        "WikiText's test split, raw, 4,358 lines as documents, from the hub's Parquet",
        "CC BY-SA 3.0 and GFDL",
        "Merity et al. 2016, arXiv 1609.07843",
    ),
)
