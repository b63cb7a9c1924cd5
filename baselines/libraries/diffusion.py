"""Any diffusers pipeline as a subject: ``diffusers@FOLDER`` draws from text, ``instruct-pix2pix@FOLDER`` edits.

The class is the one that the folder's model_index.json names, with the pipeline's own defaults (steps, guidance),
which stand in the run's settings; ``sampling.json`` in the folder sets others ({"num_inference_steps": 20}). One
generator per picture on the CPU, so that neither the batch nor the device changes the noise.

Known deviations: float32; the safety checker is off, since a black image instead of a picture would be scored; a
prompt that no text encoder of the pipeline can read whole is refused, where diffusers cuts it off.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.libraries.chat_pictures import check_prompts
from baselines.libraries.hub import digest_of_folder, place_of, sampling_in
from harness.errors import UserError
from harness.texts import read_json_object, shown
from harness.weights.fitting import open_fitting, quiet_libraries, readable, require_words

RECORDED = ("num_inference_steps", "guidance_scale", "image_guidance_scale", "true_cfg_scale", "strength", "eta")
"""Arguments of a pipeline whose defaults are part of how it draws."""
NO_LIMIT = 1_000_000
"""Tokenizers without a limit of their own state an absurd one."""


class DiffusionSubject:
    """What drawing and editing share."""

    version = 1

    def __init__(self, pipeline: Any, folder: Path, chosen: str = "") -> None:
        self.chosen_weights = chosen
        self.pipeline, self.checkpoint_digest = pipeline, digest_of_folder(folder)
        self.arguments = inspect.signature(type(pipeline).__call__).parameters
        named = [name for name in RECORDED if name in self.arguments]
        self.sampling = {name: self.arguments[name].default for name in named} | sampling_in(folder, named)

    @property
    def image_size(self) -> int:
        """The side that the pipeline draws by default."""
        parts = self.pipeline.components
        network: Any = parts.get("unet") or parts.get("transformer")
        cells = getattr(self.pipeline, "default_sample_size", None) or network.config.sample_size
        return int(cells) * int(self.pipeline.vae_scale_factor)

    @property
    def device(self) -> torch.device:
        return torch.device(self.pipeline.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The pipeline's class, scheduler and defaults."""
        names = {"pipeline": type(self.pipeline).__name__, "scheduler": type(self.pipeline.scheduler).__name__}
        return {"drawing": {**names, "safety_checker": "off", **self.sampling}}

    def _check(self, prompts: Sequence[str]) -> None:
        check_prompts(prompts)
        parts = [part for name, part in self.pipeline.components.items() if name.startswith("tokenizer") and part]
        limits = [part.model_max_length for part in parts]
        if not limits or max(limits) >= NO_LIMIT:
            return
        longest = parts[limits.index(max(limits))]
        for prompt in prompts:
            if len(longest(prompt)["input_ids"]) > max(limits):
                raise UserError(
                    f"a prompt of {len(prompt.split())} words is longer than the {max(limits)} tokens that fit"
                )

    @torch.no_grad()
    def _made(self, seeds: Sequence[int], **inputs: Any) -> Float[Tensor, "batch 3 height width"]:
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        images: Tensor = self.pipeline(**inputs, **self.sampling, generator=generators, output_type="pt").images
        return images.float().clamp(0, 1)


class DrawingPipeline(DiffusionSubject):
    """Satisfies ``GeneratesImages``."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        self._check(prompts)
        side = {name: self.image_size for name in ("height", "width") if name in self.arguments}
        return self._made(seeds, prompt=list(prompts), **side)


class EditingPipeline(DiffusionSubject):
    """Satisfies ``EditsImages``."""

    def edit(
        self, images: Float[Tensor, "batch 3 size size"], instructions: Sequence[str], seeds: Sequence[int]
    ) -> Float[Tensor, "batch 3 size size"]:
        self._check(instructions)
        return self._made(seeds, prompt=list(instructions), image=images)


def _open(source: str, device: str) -> tuple[Any, Path, str]:
    from diffusers import DiffusionPipeline

    folder, chosen = place_of(source, "model_index.json")
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "local_files_only": True}
    index = read_json_object(folder / "model_index.json")
    require_known_classes(folder, index)
    with readable("pipeline of diffusers", str(folder)):
        off = {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in index else {}
        # the pipeline's own loading keeps no report of its networks', so that each is opened by itself
        networks = {name: kind for name, kind in _networks(index, folder) if name not in off}
        parts = {name: _network(kind, folder / name, chosen, options) for name, kind in networks.items()}
        opener: Any = DiffusionPipeline  # untyped in diffusers
        with quiet_libraries():
            pipeline = opener.from_pretrained(folder, **parts, **options, **off)
    for name, part in pipeline.components.items():
        if name.startswith("tokenizer") and part:
            require_words(part, f"{folder}/{name}")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device), folder, chosen


def require_known_classes(folder: Path, index: Mapping[str, Any]) -> None:
    """Raise UserError for a ``model_index.json`` that names code of the folder, or a class of another library than
    diffusers and transformers: what a file names is never imported."""
    where = folder / "model_index.json"
    if not isinstance(index.get("_class_name"), str):
        raise UserError(f"{where}: _class_name must name a pipeline of diffusers: code in a folder is not run")
    for name, place in index.items():
        if name.startswith("_") or not isinstance(place, list):
            continue
        known = len(place) == 2 and all(part is None or isinstance(part, str) for part in place)
        if not known or not (place[0] in (None, "diffusers", "transformers") or _is_own_module(place[0])):
            raise UserError(
                f"{where}: '{name}' is {shown(place)}, which is not a class of diffusers or transformers: "
                "nothing else is imported for a folder"
            )


def _is_own_module(library: str) -> bool:
    """Whether diffusers has pipelines of this name."""
    return library.isidentifier() and find_spec(f"diffusers.pipelines.{library}") is not None


def _network(kind: Any, folder: Path, chosen: str, options: Mapping[str, Any]) -> Any:
    """The chosen weights where this part has them, else its only ones."""
    variant = chosen if chosen and any(folder.glob(f"*.{chosen}*.safetensors")) else None
    return open_fitting(kind, folder, what=f"{folder.name} of a pipeline of diffusers", variant=variant, **options)


def _networks(index: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and class of each network that a ``model_index.json`` lists and the folder holds."""
    from diffusers import pipelines

    for name, place in index.items():
        if not isinstance(place, list) or len(place) != 2 or None in place or not (folder / name).is_dir():
            continue
        library, kind = place
        module = getattr(pipelines, library, None)
        if library in ("diffusers", "transformers"):
            module = import_module(library)
        found = getattr(module, kind, None)
        if isinstance(found, type) and issubclass(found, torch.nn.Module):
            yield name, found


def open_diffusers(source: str, device: str = "cpu") -> DrawingPipeline:
    """Raises UserError for a folder that is no pipeline, and for one that edits."""
    subject = DrawingPipeline(*_open(source, device))
    if "image" in subject.arguments and "height" not in subject.arguments:
        raise UserError(
            f"{source} is a {type(subject.pipeline).__name__}, which edits: open it as instruct-pix2pix@{source}"
        )
    return subject


def open_instruct_pix2pix(source: str, device: str = "cpu") -> EditingPipeline:
    """Raises UserError for a folder that is no pipeline, and for one that takes no picture."""
    subject = EditingPipeline(*_open(source, device))
    if "image" not in subject.arguments:
        raise UserError(
            f"{source} is a {type(subject.pipeline).__name__}, which takes no picture: open it as diffusers@{source}"
        )
    return subject
