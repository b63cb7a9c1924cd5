"""Photographs that scikit-image and foolbox ship, by name, with the licence that their package states.

Left out on purpose: drawings and test charts, the right half of the stereo pair, and every picture for which
scikit-image states no licence (moon, page, the Middlebury motorcycles).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Photograph:
    """``file`` lies in the folder ``data`` of ``package``; ``kind`` is the stratum that tables break down by."""

    package: str
    file: str
    title: str
    kind: str
    licence: str


def _scikit_image(file: str, title: str, licence: str, kind: str = "photo") -> Photograph:
    return Photograph("scikit-image", file, title, kind, licence)


def _foolbox(data: str, number: int, label: int) -> Photograph:
    file = f"{data}_{number:02d}_{label}.{'jpg' if data == 'imagenet' else 'png'}"
    owner = "ImageNet" if data == "imagenet" else "CIFAR"
    size = "photo" if data == "imagenet" else "thumbnail"
    return Photograph(
        "foolbox", file, f"{data} label {label}", size, f"{owner}'s terms (research); foolbox itself is MIT"
    )


IMAGENET_LABELS = (243, 559, 438, 990, 949, 853, 609, 609, 915, 455, 541, 630, 741, 471, 129, 99, 251, 22, 317, 305)
CIFAR10_LABELS = (3, 8, 8, 0, 6, 6, 1, 6, 3, 1, 0, 9, 5, 7, 9, 8, 5, 7, 8, 6)
CIFAR100_LABELS = (49, 33, 72, 51, 71, 92, 15, 14, 23, 0, 71, 75, 81, 69, 40, 43, 92, 97, 70, 53)

PHOTOGRAPHS: tuple[Photograph, ...] = (
    _scikit_image("astronaut.png", "Eileen Collins, astronaut", "public domain (NASA)"),
    _scikit_image("chelsea.png", "Chelsea the cat", "CC0 (Stefan van der Walt)"),
    _scikit_image(
        "clock_motion.png", "wall clock, motion blurred", "public domain (Stefan van der Walt)", "grey photo"
    ),
    _scikit_image("coffee.png", "coffee cup", "CC0 (Rachel Michetti)"),
    _scikit_image("rocket.jpg", "launch of a Falcon 9", "public domain (SpaceX)"),
    _scikit_image("hubble_deep_field.jpg", "Hubble eXtreme Deep Field", "public domain (NASA)"),
    _scikit_image("retina.jpg", "retina of a left eye", "CC0 (Mikael Haggstrom)"),
    _scikit_image("ihc.png", "stained tissue", "no known copyright restrictions (CMMI)"),
    _scikit_image("camera.png", "man with a camera", "CC0 (Lav Varshney)", "grey photo"),
    _scikit_image("coins.png", "Greek coins", "no known copyright restrictions (Brooklyn Museum)", "grey photo"),
    _scikit_image("brick.png", "brick wall", "CC0 (CC0Textures)", "grey photo"),
    _scikit_image("grass.png", "grass", "CC0 (linolafett)", "grey photo"),
    _scikit_image("gravel.png", "gravel", "CC0 (CC0Textures)", "grey photo"),
    _scikit_image("cell.png", "cell in saline", "CC0 (Paul Mueller and others)", "grey photo"),
    *(_foolbox("imagenet", number, label) for number, label in enumerate(IMAGENET_LABELS)),
    *(_foolbox("cifar10", number, label) for number, label in enumerate(CIFAR10_LABELS)),
    *(_foolbox("cifar100", number, label) for number, label in enumerate(CIFAR100_LABELS)),
)
