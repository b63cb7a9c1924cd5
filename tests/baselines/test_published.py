"""The doors of published weights: every key is accounted for, and a file that is not what it should be is one line."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from baselines.convnet import ConvNetConfig
from baselines.published.doors import VAR_VAE, placed, taming_config
from baselines.published.selftok import RELEASED
from baselines.var import VARConfig
from baselines.vqgan import VQGAN, VQGANConfig
from harness.catalog import open_model
from harness.errors import UserError

PARITY = Path(__file__).parents[1] / "parity"


@pytest.fixture(scope="module")
def files() -> Any:
    spec = importlib.util.spec_from_file_location(
        "ddtbench_files", Path(__file__).parents[1] / "miniatures_of_files.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rewritten(path: str, change: Callable[[dict[str, Any]], Any]) -> str:
    whole = torch.load(path, weights_only=False)  # made by the test itself
    nest = next((whole[name] for name in ("state_dict", "model") if name in whole), whole)
    change(nest)
    torch.save(whole, path)
    return path


def refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        open_model(text)
    assert "\n" not in str(caught.value)


def real(pack: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PARITY / pack / f"{name}.json").read_text())
    return found


@pytest.mark.parity
def test_the_sizes_taken_for_published_files_are_the_published_ones() -> None:
    for codes in (1024, 16384):
        config = real("vqgan", f"manifest_real_f16_{codes}")["config"]
        assert taming_config(codes) == VQGANConfig.from_mapping(config)
    assert VARConfig.from_mapping(real("var_vqvae", "manifest_real_v4096_z32_ch160")["config"]) == VAR_VAE
    for pack, name in (
        ("selftok", "manifest_real_256_512tokens"),
        ("selftok_renderer", "manifest_real_renderer_512tokens"),
    ):
        found = real(pack, name)
        encoder, decoder, config = found["encoder"], found["decoder"], found["config"]
        assert (config["image_size"], config["k"]) == (256, RELEASED["codes"])
        assert config["quantizer_config"]["codebook_size"] == RELEASED["codebook"]["codebook_size"]
        names = {"depth": "depth", "hidden_size": "width", "num_heads": "heads"}
        for ours, theirs in ((RELEASED["encoder"], encoder), (RELEASED["decoder"], decoder)):
            assert theirs["patch_size"] == 2 and all(ours[own] == theirs[name] for name, own in names.items())
        assert (encoder["query_dim"], encoder["query_heads"]) == (512, 8)
    stages = real("selftok", "manifest_real_256_512tokens")["config"]
    assert [1000 * end for end in RELEASED["schedule"]["stage_ends"]] == [*map(int, stages["stages"].split(","))]
    assert RELEASED["schedule"]["stage_codes"] == [*map(int, stages["k_per_stage"].split(","))]


def test_a_missing_and_a_foreign_key_and_another_shape_are_named(files: Any, tmp_path: Path) -> None:
    path = files.taming_vqgan(tmp_path)
    refused(
        f"taming-vqgan@{rewritten(path, lambda state: state.update(extra=torch.ones(1)))}", r"1 unknown \['extra'\]"
    )
    rewritten(path, lambda state: (state.pop("extra"), state.pop("quant_conv.bias")))
    refused(f"taming-vqgan@{path}", r"1 keys missing \['quant_conv\.bias'\]")
    rewritten(path, lambda state: state.update({"quant_conv.bias": torch.ones(3)}))
    refused(f"taming-vqgan@{path}", r"'quant_conv\.bias' is \(3,\).*last\.json beside it")


def test_without_its_sizes_a_small_file_is_held_against_the_published_ones(files: Any, tmp_path: Path) -> None:
    path = Path(files.taming_vqgan(tmp_path))
    path.with_suffix(".json").unlink()
    refused(f"taming-vqgan@{path}", "does not fit.*put them in last.json beside it")
    path.with_suffix(".json").write_text('{"depth": 3}')
    refused(f"taming-vqgan@{path}", "no 'taming-vqgan' can be made")


def test_a_file_of_another_model_is_said_to_be_none(files: Any, tmp_path: Path) -> None:
    vae = files.var_vae(tmp_path / "vae")
    taming = files.taming_vqgan(tmp_path / "taming")
    refused(f"llamagen-vq@{vae}", "is not LlamaGen's tokenizer: it has no 'quantize.codebook_used'")
    refused(f"var-vae@{taming}", "is not VAR's tokenizer")
    refused(f"selftok@{vae}", "is not a released Selftok tokenizer")
    gpt = tmp_path / "c2i_B_256.pt"
    files.llamagen_vq(tmp_path)
    torch.save({"model": {"a": torch.ones(1)}}, gpt)
    refused(f"llamagen-gpt@{tmp_path}", "is not a transformer of LlamaGen")


def test_a_transformer_needs_its_tokenizer_beside_it(files: Any, tmp_path: Path) -> None:
    files.var_transformer(tmp_path)
    refused(f"var-d20@{tmp_path}", r"holds no var_d20\.pth")
    (tmp_path / "vae_ch160v4096z32.pth").unlink()
    refused(f"var-d16@{tmp_path}", r"holds no vae_ch160v4096z32\.pth")


def test_what_a_file_of_llamagen_does_not_say_is_asked_for(files: Any, tmp_path: Path) -> None:
    files.llamagen_gpt(tmp_path)
    (tmp_path / "c2i_B_256.json").unlink()
    refused(f"llamagen-gpt@{tmp_path}", r"not a published size: say n_head and block_size in c2i_B_256\.json")
    from baselines.published.doors import _gpt_sizes

    assert _gpt_sizes(Path("c2i_XL_384.pt"), 1280, 36) == {"n_head": 20, "block_size": 576}
    with pytest.raises(UserError, match="256 or 384"):
        _gpt_sizes(Path("model.pt"), 768, 12)
    files.llamagen_gpt(tmp_path)
    files.llamagen_vq(tmp_path)
    refused(f"llamagen-gpt@{tmp_path}", "speaks 16 codes of 64, .* has 16 of 256")


def test_both_formats_open_as_the_same_model(files: Any, tmp_path: Path) -> None:
    path = Path(files.var_vae(tmp_path))
    other = files.as_safetensors(path)
    one, two = open_model(f"var-vae@{path}"), open_model(f"var-vae@{other}")
    images = torch.rand(2, 3, one.image_size, one.image_size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(one.decode(one.encode(images)), two.decode(two.encode(images)))
    assert one.checkpoint_digest != two.checkpoint_digest


def test_selftok_with_1024_codes_has_no_published_configuration(files: Any, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer_1024_ckpt.pth"
    torch.save({"encoder.query_tokens": torch.zeros(1, 1024, 4)}, path)
    refused(f"selftok@{path}", "1,024 codes, and no configuration is published")


def test_decoder_and_renderer_are_told_apart(files: Any, tmp_path: Path) -> None:
    files.selftok(tmp_path)
    refused(f"selftok-renderer@{tmp_path / 'tokenizer_512_ckpt.pth'}", "holds a diffusion decoder: open it as selftok@")
    files.selftok_renderer(tmp_path)
    refused(f"selftok@{tmp_path / 'renderer_512_ckpt.pth'}", "holds a one-step renderer: open it as selftok-renderer@")
    renderer = open_model(f"selftok-renderer@{tmp_path}")
    codes = torch.zeros(1, 16, dtype=torch.long)
    assert torch.equal(renderer.decode(codes, seeds=[1]), renderer.decode(codes, seeds=[2])), "nothing is drawn"
    with pytest.raises(UserError, match="no timesteps"):
        renderer.denoise(codes, torch.zeros(1, 16, 8, 8), 0.5)


def test_selftok_needs_the_autoencoder_of_stable_diffusion_3(files: Any, tmp_path: Path) -> None:
    files.selftok(tmp_path)
    files.autoencoder(tmp_path / "vae", scaling_factor=0.18215)
    refused(f"selftok@{tmp_path}", "not the autoencoder of Stable Diffusion 3.*0.18215")
    (tmp_path / "vae/config.json").unlink()
    refused(f"selftok@{tmp_path}", "put the folder vae/ of stabilityai")


def with_average(path: str) -> tuple[str, Callable[[str], torch.Tensor]]:
    """A training's file: the model's own weights, and their running average; (path, codebook by name)."""
    whole = torch.load(path, weights_only=False)  # made by the test itself
    generator = torch.Generator().manual_seed(0)
    whole["ema"] = {
        key: value + 0.01 * torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in whole["model"].items()
    }
    torch.save(whole, path)
    return path, lambda name: torch.nn.functional.normalize(whole[name]["quantize.embedding.weight"], dim=-1)


def codebook(subject: Any) -> torch.Tensor:
    return torch.nn.functional.normalize(subject.quantize.embedding.weight, dim=-1)


def test_each_publishers_own_choice_of_weights_is_the_default(files: Any, tmp_path: Path) -> None:
    """LlamaGen's evaluation of its tokenizer takes the average, its sampling the model itself; ours took the model for
    both, and said nothing."""
    path, of = with_average(files.llamagen_vq(tmp_path))
    for asked, chosen in (("", "ema"), ("#ema", "ema"), ("#model", "model")):
        subject = open_model(f"llamagen-vq@{path}{asked}")
        torch.testing.assert_close(codebook(subject), of(chosen))
        assert subject.chosen_weights == chosen
    refused(f"llamagen-vq@{path}#averaged", "no weights called 'averaged': it holds model, .*ema")
    folder = tmp_path / "gpt"
    folder.mkdir()
    files.llamagen_gpt(folder)
    _, of = with_average(str(folder / "vq_ds16_c2i.pt"))
    drawing = open_model(f"llamagen-gpt@{folder}")
    torch.testing.assert_close(codebook(drawing.tokenizer), of("model"))
    assert drawing.chosen_weights == "model"


def test_a_file_of_one_set_has_no_other(files: Any, tmp_path: Path) -> None:
    path = files.var_vae(tmp_path)
    assert open_model(f"var-vae@{path}").chosen_weights == ""
    refused(f"var-vae@{path}#ema", "no weights called 'ema': it holds one set of weights, which has no name")
    refused(f"selftok@{tmp_path / 'nothing'}#ema", "there is no")


def test_the_choice_stands_in_the_fingerprint_and_hinders_no_ranking(files: Any, tmp_path: Path) -> None:
    from harness import cli
    from harness.store.run_folder import find_run_folders
    from reports.comparing.ranking import protocol_groups
    from reports.reading.runs import read_stored

    path, _ = with_average(files.llamagen_vq(tmp_path))
    words = ["run", "reconstruction@world", "--limit", "2", "--batch", "2", "--out", str(tmp_path / "runs")]
    for model in (f"llamagen-vq@{path}#model", "mean-colour@64"):
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, "--model", model])
        assert ended.value.code == 0
    found = {run.spec.settings.get("weights", ""): run for run in find_run_folders(str(tmp_path / "runs"))}
    assert found.keys() == {"model", ""}
    for chosen, run in found.items():
        assert {item.fingerprint.get("weights", "") for item in run.read_estimates()} == {chosen}
    assert len(protocol_groups(read_stored(str(tmp_path / "runs")).runs, "psnr")) == 1


def test_on_a_cpu_the_channels_of_a_place_lie_side_by_side() -> None:
    model = VQGAN(VQGANConfig(4, 8, ConvNetConfig(32, (1, 2), 1, (8,), 16, 8)))
    images = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    before = model.eval().decode(model.encode(images))
    on_cpu = placed(model, "cpu")
    assert on_cpu.decoder.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert (on_cpu.decode(on_cpu.encode(images)) - before).abs().max() < 1e-5
