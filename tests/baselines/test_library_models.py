"""Models of transformers and diffusers as subjects: they draw what the libraries' own calls draw.

With temperature 0 our draw takes the best token, so that the same codes must come out as from the library's own guided,
greedy generation. Pixels: the libraries drop the fraction when they make bytes, so one level may differ.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from baselines.libraries.hub import digest_of_folder
from baselines.seeded_draw import SeededDraw
from ddt_llama.mllm.sampling import Sampling
from harness.catalog import open_model
from harness.errors import UserError
from harness.images import to_bytes

PROMPT = "a red circle on the left of a ring"


@pytest.fixture(scope="module")
def libraries() -> Any:
    path = Path(__file__).parents[1] / "miniatures_of_libraries.py"
    spec = importlib.util.spec_from_file_location("ddtbench_libraries", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sampled(folder: str, **settings: Any) -> None:
    """Add to the folder's sampling.json."""
    file = Path(folder) / "sampling.json"
    chosen = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps({**chosen, **settings}))


@pytest.fixture(scope="module")
def janus_folder(libraries: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: str = libraries.janus(tmp_path_factory.mktemp("janus"))
    sampled(folder, temperature=0.0)
    return folder


def near_bytes(ours: torch.Tensor, theirs: Any) -> None:
    truncated = to_bytes(ours, "truncate").astype(int)
    assert np.abs(truncated - np.stack([np.asarray(picture) for picture in theirs]).astype(int)).max() <= 1


def test_janus_draws_what_the_library_draws(janus_folder: str) -> None:
    subject = open_model(f"janus@{janus_folder}")
    asked = [f"USER : {PROMPT} ASSISTANT :"]
    inputs = subject.processor(text=asked, generation_mode="image", return_tensors="pt")
    codes = subject.model.generate(**inputs, generation_mode="image", do_sample=False, guidance_scale=5.0)
    theirs = subject.model.decode_image_tokens(codes).permute(0, 3, 1, 2)
    # post_process_multimodal_output, which would make pictures of them, raises in transformers 5.24
    pictures = subject.processor.postprocess(list(theirs), return_tensors="pt")["pixel_values"]
    ours = subject.generate([PROMPT], [0])
    near_bytes(ours, pictures.permute(0, 2, 3, 1))
    assert ours.std() > 0.05


def test_emu3_draws_what_the_library_draws(libraries: Any, tmp_path: Path) -> None:
    """The library's own way: negative prompt in a second pass, the grammar as a function of the prefix."""
    folder = libraries.emu3(tmp_path)
    sampled(folder, temperature=0.0)
    subject = open_model(f"emu3@{folder}")
    model, processor, side = subject.model, subject.processor, subject.side
    from baselines.libraries.emu3 import NEGATIVE, POSITIVE

    options = {"return_for_image_generation": True, "image_area": subject.image_area, "return_tensors": "pt"}
    inputs, negative = (processor(text=[text], **options) for text in (f"{PROMPT}{POSITIVE}", NEGATIVE))
    length = inputs["input_ids"].shape[1]

    def allowed(row: int, ids: torch.Tensor) -> list[int]:
        done = len(ids) - length
        return (
            [model.vocabulary_mapping.eol_token_id]
            if done % (side + 1) == side
            else model.vocabulary_mapping.image_tokens
        )

    codes = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        negative_prompt_ids=negative["input_ids"],
        negative_prompt_attention_mask=negative["attention_mask"],
        guidance_scale=3.0,
        prefix_allowed_tokens_fn=allowed,
        max_new_tokens=side * (side + 1),
        do_sample=False,
    )[:, length:]
    closed = torch.cat([codes, torch.zeros(1, 3, dtype=torch.long)], dim=1)
    theirs = model.decode_image_tokens(image_tokens=closed, height=side, width=side)
    near_bytes(subject.generate([PROMPT], [0]), processor.postprocess(list(theirs.float()))["pixel_values"])


def test_a_pipeline_draws_what_the_library_draws(libraries: Any, tmp_path: Path) -> None:
    folder = libraries.stable_diffusion(tmp_path)
    subject = open_model(f"diffusers@{folder}")
    assert subject.settings["drawing"]["num_inference_steps"] == 2
    assert subject.settings["drawing"]["guidance_scale"] == 7.5, "the pipeline's own default"
    generator = torch.Generator("cpu").manual_seed(3)
    theirs = subject.pipeline(PROMPT, num_inference_steps=2, generator=generator, output_type="pt").images
    # a batch of one, as the library's own
    assert torch.equal(subject.generate([PROMPT], [3]), theirs)


def test_a_pipeline_is_opened_for_what_it_does(libraries: Any, tmp_path: Path) -> None:
    draws, edits = libraries.stable_diffusion(tmp_path / "draws"), libraries.instruct_pix2pix(tmp_path / "edits")
    with pytest.raises(UserError, match="takes no picture: open it as diffusers@"):
        open_model(f"instruct-pix2pix@{draws}")
    with pytest.raises(UserError, match="which edits: open it as instruct-pix2pix@"):
        open_model(f"diffusers@{edits}")
    sampled(draws, strenght=1)
    with pytest.raises(UserError, match=r"unknown setting 'strenght'"):
        open_model(f"diffusers@{draws}")
    index = Path(edits) / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionInstructPix2PixPipeline", "NoSuchPipeline"))
    with pytest.raises(UserError, match="no pipeline of diffusers can be opened"):
        open_model(f"instruct-pix2pix@{edits}")


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_pipeline_whose_network_lacks_a_weight_is_refused(libraries: Any, tmp_path: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = libraries.stable_diffusion(tmp_path)
    (file,) = (tmp_path / part).glob("*.safetensors")
    state = load_file(file)
    lost = sorted(state)[0]
    for change, says in (
        ({lost: None}, f"1 keys missing ['{lost}']"),
        ({"strange": torch.zeros(1)}, "1 unknown ['strange']"),
        ({lost: torch.zeros(77)}, f"'{lost}' is (77,), the model has"),
    ):
        kept = {key: value for key, value in (state | change).items() if value is not None}
        save_file(kept, file, {"format": "pt"})
        with pytest.raises(UserError, match=re.escape(says)):
            open_model(f"diffusers@{folder}")


def test_a_pipeline_may_hold_an_average_beside(libraries: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``FOLDER#ema``, and of a hub ``OWNER/NAME#REVISION#ema``: the weights of ``*.ema.safetensors``."""
    from safetensors.torch import load_file, save_file

    folder = Path(libraries.stable_diffusion(tmp_path))
    (file,) = (folder / "unet").glob("*.safetensors")
    average = {key: value + 1 for key, value in load_file(file).items()}
    save_file(average, file.with_name(f"{file.stem}.ema.safetensors"), {"format": "pt"})
    asked: list[tuple[str, str]] = []

    def fetched(name: str, revision: str) -> Path:
        asked.append((name, revision))
        return folder

    monkeypatch.setattr("baselines.libraries.hub._fetched", fetched)
    own, other = open_model(f"diffusers@{folder}"), open_model(f"diffusers@{folder}#ema")
    remote = open_model("diffusers@owner/name#v1#ema")
    assert asked == [("owner/name", "v1")]
    key = sorted(average)[0]
    states = [subject.pipeline.unet.state_dict()[key] for subject in (own, other, remote)]
    assert torch.equal(states[1], average[key]) and torch.equal(states[2], average[key])
    assert not torch.equal(states[0], average[key])
    assert (own.chosen_weights, other.chosen_weights) == ("", "ema")
    with pytest.raises(UserError, match="has no weights called 'raw'"):
        open_model(f"diffusers@{folder}#raw")


def test_folders_that_are_not_what_they_should_be(janus_folder: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    with pytest.raises(UserError, match="holds a 'janus', not a 'emu3'"):
        open_model(f"emu3@{janus_folder}")
    with pytest.raises(UserError, match=r"holds no config\.json"):
        open_model(f"chameleon@{tmp_path}")
    for file in Path(janus_folder).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("model.generation_head.vision_head.weight")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"1 keys missing.*generation_head\.vision_head\.weight"):
        open_model(f"janus@{tmp_path}")
    (tmp_path / "generation_config.json").unlink()
    (tmp_path / "model.safetensors").write_bytes((Path(janus_folder) / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="boi_token_id, which images need"):
        open_model(f"janus@{tmp_path}")


def test_a_model_without_a_chat_template_says_so(janus_folder: str) -> None:
    subject = open_model(f"janus@{janus_folder}")
    subject.processor.chat_template = None
    with pytest.raises(UserError, match="no chat template"):
        subject.generate([PROMPT], [0])


def test_a_draw_leaves_one_token_and_keeps_twins_together() -> None:
    scores = torch.randn(6, 20, generator=torch.Generator().manual_seed(0))
    columns = torch.tensor([3, 5, 8])
    draw = SeededDraw(Sampling(guidance=2.0), [7, 8, 9], 4, columns, lambda step: 19 if step == 1 else None, twins=True)
    first, second = draw(torch.zeros(6, 1), scores), draw(torch.zeros(6, 1), scores)
    assert (first.isfinite().sum(1) == 1).all() and first.shape == scores.shape
    assert torch.equal(first[:3].argmax(1), first[3:].argmax(1)) and set(first.argmax(1).tolist()) <= {3, 5, 8}
    assert (second.argmax(1) == 19).all()
    # row 1 alone, with its seed, draws the same
    alone = SeededDraw(Sampling(guidance=2.0), [8], 4, columns)(torch.zeros(2, 1), scores[[1, 4]])
    assert alone.shape == (1, 20) and alone.argmax() == first[1].argmax()


def test_the_digest_of_a_folder_is_of_what_lies_behind_its_links(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "model.safetensors").write_bytes(b"first")
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "config.json").write_text("{}")
    (tmp_path / "view" / "unet").symlink_to(tmp_path / "store", target_is_directory=True)
    before = digest_of_folder(tmp_path / "view")
    (tmp_path / "store" / "model.safetensors").write_bytes(b"second")
    assert digest_of_folder(tmp_path / "view") != before
