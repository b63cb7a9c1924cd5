"""GenEval's colour classifier: CLIP ViT-L/14 of OpenAI by open_clip, zero-shot, on the cut-out object.

As in ``evaluation/evaluate_images.py`` at commit af4902f: pixels outside of the mask are painted #999, the picture is
cut to the box, CLIP's own preprocessing follows (short side to 224 bicubically, centre crop); each of the ten colours
is the mean of three sentences that name it and the object's class; the nearest by cosine wins, the first of equals.

Known deviation: float32 here; the script runs under autocast, so in half precision on its GPU. Two colours within about
1e-3 of each other may change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UserError
from harness.instruments.devices import looking
from harness.weights.fitting import readable, require_whole
from harness.weights.located import Located
from tasks.geneval.names import COLOURS
from tasks.geneval.official.mmdet_pipeline import Instance
from tasks.geneval.official.weights import CLASSIFIER, CLASSIFIER_WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor

OFFICIAL_DIGEST = CLASSIFIER.files[0][1]
TEMPLATES = ("a photo of a {colour} {name}", "a photo of a {colour}-colored {name}", "a photo of a {colour} object")
GREY = (0x99, 0x99, 0x99)
BATCH = 16


class ColourClassifier:
    """``source``: the file, or a folder with open_clip's configuration and weights; "" is what ``DDTBENCH_COLOUR_CLIP``
    says, else what lies in the data folder under ``detectors/``."""

    def __init__(self, source: str = "", device: str = "cpu") -> None:
        self._weights = Located(CLASSIFIER, source)
        self.device = device
        self._known: dict[str, Any] = {}

    def unavailable(self) -> str:
        """Why it cannot be used, or ""."""
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file of the weights."""
        return self._weights.digest

    @property
    def official(self) -> bool:
        """Whether it is the file that GenEval's script downloads."""
        return self.digest == OFFICIAL_DIGEST

    def classify(self, picture: np.ndarray, objects: Sequence[Instance], name: str) -> list[str]:
        """The colour of each object of class ``name`` in an 8-bit RGB picture. Raises ValueError for an empty mask."""
        import torch

        network, transform, _ = self._clip
        found: list[str] = []
        for start in range(0, len(objects), BATCH):
            crops = [transform(cut_out(picture, item)) for item in objects[start : start + BATCH]]
            with looking(self.device):
                seen = network.encode_image(torch.stack(crops).to(self.device), normalize=True)
                found += [COLOURS[place] for place in (seen @ self._sentences(name)).argmax(1).tolist()]
        return found

    def _sentences(self, name: str) -> Tensor:
        """``embedding colours``, unit columns; kept, since few classes are asked again and again."""
        from open_clip import build_zero_shot_classifier

        if name not in self._known:
            network, _, tokenizer = self._clip
            templates = [
                lambda colour, template=template: template.format(colour=colour, name=name) for template in TEMPLATES
            ]
            with looking(self.device):
                self._known[name] = build_zero_shot_classifier(
                    network, tokenizer, COLOURS, templates, num_classes_per_batch=None, device=self.device
                )
        known: Tensor = self._known[name]
        return known

    @cached_property
    def _clip(self) -> tuple[Any, Any, Any]:
        """(network in float32, preprocessing, tokenizer). Raises UserError for weights that do not open."""
        import open_clip

        if reason := self.unavailable():
            raise UserError(reason)
        place = self._weights.path
        if place.is_dir():
            name = f"local-dir:{place}"
            with readable("CLIP of open_clip", str(place)):
                network, transform = open_clip.create_model_from_pretrained(name, device=self.device)
            self._require_shapes(network)
            return network.eval(), transform, open_clip.get_tokenizer(name)
        network = open_clip.load_openai_model(str(place), precision="fp32", device=self.device)
        transform = open_clip.image_transform(network.visual.image_size, is_train=False)
        return network.eval(), transform, open_clip.get_tokenizer("ViT-L-14")

    def _require_shapes(self, network: Any) -> None:
        """open_clip refuses what is missing or unknown, and stretches an embedding of positions to another size."""
        from safetensors import safe_open

        own, file_of = network.state_dict(), self._weights.path / CLASSIFIER_WEIGHTS
        with safe_open(file_of, "pt") as file:
            shapes = [
                (key, tuple(file.get_slice(key).get_shape()), tuple(own[key].shape))
                for key in own.keys() & set(file.keys())
            ]
        require_whole({"mismatched_keys": [shape for shape in shapes if shape[1] != shape[2]]}, str(file_of))


def cut_out(picture: np.ndarray, item: Instance) -> Any:
    """The object on grey, cut to its box, as a Pillow image."""
    from PIL import Image

    if not item.mask.any():
        raise ValueError("an object without a pixel has no colour")
    shown = np.where(item.mask[..., None], picture, np.array(GREY, np.uint8))
    return Image.fromarray(shown).crop(item.box)
