"""Where Fashion-MNIST's four files lie before they are prepared, and how a person gets them."""

from __future__ import annotations

import os
from pathlib import Path

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the files; ``debian_folder`` says where they are looked for."""

BY_HAND = (
    "'ddtbench data prepare fashion-mnist --from FOLDER' with the four files of Debian's package dataset-fashion-mnist "
    "or of torchvision.datasets.FashionMNIST"
)
CURE = f"run 'ddtbench data prepare fashion-mnist --fetch', or {BY_HAND}"


def debian_folder() -> Path:
    """Debian's folder, or that of the same name under ``$DDTBENCH_SYSTEM_DATA``."""
    system = os.environ.get("DDTBENCH_SYSTEM_DATA")
    return Path(system) / DEBIAN.name if system else DEBIAN
