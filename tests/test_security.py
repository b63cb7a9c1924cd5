"""The promises of SECURITY.md, one test or more each. Fuzzing (``tests/fuzzing``) looks for what nobody thought of."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from harness import images
from harness.contracts import Case, Sample
from harness.environment import circumstances
from harness.errors import UserError
from harness.isolation import reason_of
from harness.metrics.statistics_files import StatisticsFile
from harness.progress import Progress
from harness.redaction import redacted
from harness.spec import RunSpec
from harness.store.files import LOCK, Folder
from harness.store.parts import encode_samples, sample_row
from harness.store.results import read_index
from harness.store.run_folder import RunFolder
from harness.store.seals import sealed_manifest
from harness.weights.checkpoints import load_checkpoint
from harness.weights.fitting import open_fitting
from harness.weights.published_files import read_weights
from harness.weights.tame import require_tame
from harness.writing import written_whole
from tasks.data.tables import InMemory, Schema, Table, picture

ROOT = Path(__file__).parent.parent
PACKAGES = ("harness", "ddt_llama", "tasks", "baselines", "reports")
CASE = Case("c", "g", "", {})
SECRET = "s3cr3t-Horse-Battery"


@cache
def all_calls():
    """(place, name, call) of every call in the packages."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", name, node))
    return found


def calls(wanted):
    """(place, call) of every call of a function or method of this name in the packages."""
    return [(place, call) for place, name, call in all_calls() if name == wanted]


def keyword(call, name):
    return next((ast.literal_eval(item.value) for item in call.keywords if item.arg == name), None)


def png_of(width, height, rows=b""):
    """A PNG whose header says so; its pixels are missing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows or b"\0")) + chunk(b"IEND", b"")
    )


class Runs:
    """A pickle that makes a file when it is run."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return (Path.touch, (self.witness,))


# ------------------------------------------------------------------------------------------------ no pickle


def test_no_pickle_runs_when_a_file_of_weights_is_read(tmp_path):
    witness = tmp_path / "ran"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "extra": Runs(witness)}, tmp_path / "zip.pt")
    torch.save({"a": Runs(witness)}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.ckpt").write_bytes(pickle.dumps(Runs(witness)))
    for name in ("zip.pt", "legacy.pt", "bare.ckpt"):
        with pytest.raises(UserError, match=name):
            read_weights(tmp_path / name)
    assert not witness.exists()


def test_no_pickle_runs_when_statistics_or_a_parquet_file_are_read(tmp_path):
    witness = tmp_path / "ran"
    np.savez(tmp_path / "s.npz", mu=np.array([Runs(witness)], object), sigma=np.eye(1))
    with pytest.raises(UserError, match="'mu' cannot be read"):
        StatisticsFile(tmp_path / "s.npz").gaussian("")
    kind = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Runs(witness))}
    schema = pa.schema([pa.field("text", pa.string(), metadata=kind)])
    pq.write_table(pa.table({"text": ["a"]}, schema=schema), tmp_path / "t.parquet")
    table = Table((tmp_path / "t.parquet",), Schema("T", "", texts=("text",)))
    assert [cells["text"] for cells in table.cells] == ["a"]
    assert not witness.exists()


def test_weights_are_loaded_as_data_and_arrays_without_pickles():
    loads = [(place, call) for place, call in calls("load") if ast.unparse(call.func) in ("torch.load", "np.load")]
    assert len(loads) >= 5
    for place, call in loads:
        safe = keyword(call, "weights_only") is True or keyword(call, "allow_pickle") is False
        assert safe, f"{place} reads a pickle"


def test_only_a_program_whose_digest_is_known_is_opened():
    """TorchScript is the one format here that is a program: its one opening stands behind the whole digest."""
    opened = [(place, call) for place, call in calls("load") if ast.unparse(call.func) == "torch.jit.load"]
    assert [place.partition(":")[0] for place, _ in opened] == ["harness/instruments/inception.py"]
    text = (ROOT / "harness/instruments/inception.py").read_text()
    assert "if self._weights.digest == weights.TORCHSCRIPT_SHA256:" in text
    from harness.instruments.weights import TORCHSCRIPT_SHA256

    assert len(TORCHSCRIPT_SHA256) == 64


def test_only_the_pipe_to_our_own_workers_unpickles():
    for name in ("loads", "load", "Unpickler"):
        for place, call in calls(name):
            if ast.unparse(call.func).startswith(("pickle.", "cloudpickle.", "dill.", "joblib.")):
                assert place.startswith("harness/engines/"), f"{place} runs a pickle"


# ------------------------------------------------------------------------------------------------ nothing imported


def test_what_imports_a_module_by_name_takes_it_from_the_catalogue_or_from_two_libraries():
    ours = {"harness/__init__.py", "harness/catalog.py", "harness/readiness.py", "baselines/libraries/diffusion.py"}
    assert {place.partition(":")[0] for place, _ in calls("import_module")} == ours
    for name in ("eval", "exec", "__import__"):
        assert not [place for place, call in calls(name) if isinstance(call.func, ast.Name)]


def test_folders_of_the_libraries_never_run_their_code():
    """Its default asks on the terminal: every opening of a folder says no."""
    for place, call in calls("from_pretrained"):
        said = ast.unparse(call)
        if place.startswith("harness/weights/fitting.py"):
            continue  # says it for whatever it opens of transformers
        ours = "MultimodalLM" in said or "baselines/libraries/diffusion.py" in place
        assert ours or keyword(call, "trust_remote_code") is False or "**" in said, f"{place} may run code of a folder"


def test_code_in_a_models_folder_is_not_run(tmp_path):
    from transformers import AutoModelForCausalLM

    witness = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"import pathlib\npathlib.Path({str(witness)!r}).touch()\nclass Own: pass\n")
    places = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": places}))
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="no causal language model can be opened"):
        open_fitting(AutoModelForCausalLM, tmp_path, what="causal language model")
    assert not witness.exists()


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (
            {"_class_name": ["own", "Own"], "unet": ["diffusers", "UNet2DModel"]},
            "code in a folder is not run",
        ),
        ({"_class_name": "DDPMPipeline", "unet": ["antigravity", "Own"]}, "'unet' is"),
        ({"_class_name": "DDPMPipeline", "unet": ["diffusers.utils", "Own"]}, "'unet' is"),
        ({"_class_name": "DDPMPipeline", "unet": ["diffusers", "Own", "more"]}, "'unet' is"),
    ],
)
def test_a_pipelines_index_imports_nothing(tmp_path, index, said):
    import sys

    from baselines.libraries.diffusion import open_diffusers

    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=said):
        open_diffusers(str(tmp_path))
    assert "antigravity" not in sys.modules


def test_kernels_and_adapters_that_a_folder_names_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"text_config": {"attn_implementation": "someone/kernel"}}')
    with pytest.raises(UserError, match="code from a hub, which is not run"):
        require_tame(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc"}')
    with pytest.raises(UserError, match="is an adapter"):
        require_tame(tmp_path)


# ------------------------------------------------------------------------------------------------ no way out


@pytest.mark.parametrize("name", ["../a.safetensors", "/a.safetensors", "b/a.safetensors", ".."])
def test_an_index_of_weights_names_files_of_its_folder(tmp_path, name):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(UserError, match="is not in its folder"):
        require_tame(tmp_path)


@pytest.mark.parametrize("path", ["../../etc/a/b", "/a/b/c", "a/../c", "a/b", "a/b/c/d", 3])
def test_a_suites_index_names_runs_of_its_root(tmp_path, path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/s.json").write_text(json.dumps({"schema": 1, "runs": [{"path": path}]}))
    with pytest.raises(UserError, match="not a SUBJECT/TASK/KEY"):
        read_index(str(tmp_path), "s")
    with pytest.raises(UserError, match="safe in a path"):
        read_index(str(tmp_path), "../s")


def a_run(root, **row):
    folder = RunFolder.create_or_open(root, RunSpec("m", 1, "", "t", 1, "r"))
    with folder.writing():
        folder.write_part("00000", encode_samples([sample_row(Sample(CASE)) | row], {"key": folder.key}))
        folder.write_manifest(parts=[])
    return folder


def test_a_manifest_names_case_sets_of_its_run(tmp_path):
    folder = a_run(tmp_path)
    manifest = sealed_manifest({"key": folder.key, "measured": "../../x"})
    (Path(folder.path) / "manifest.json").write_text(json.dumps(manifest))
    for read in (folder.read_estimates, folder.read_scores, folder.measured):
        with pytest.raises(UserError, match="names no case set"):
            read()


def test_a_lock_or_a_temporary_name_that_is_a_link_is_not_written_through(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("precious")
    run = tmp_path / "run"
    run.mkdir()
    (run / LOCK).symlink_to(mine)
    with pytest.raises(UserError, match="is a link"), Folder(run).lock():
        pass
    (run / f".tmp-{os.getpid()}-a").symlink_to(mine)
    with written_whole(run / "a") as file:
        file.write_text("new")
    assert mine.read_text() == "precious" and (run / "a").read_text() == "new"


@pytest.mark.parametrize("name", ["../secret.png", "/secret.png", "a/../../secret.png"])
def test_a_picture_that_data_names_lies_beside_it(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(images.encode_png(np.zeros((2, 2, 3), np.uint8)))
    home = tmp_path / "data"
    home.mkdir()
    cell = [{"bytes": None, "path": name}]
    pq.write_table(pa.table({"image": cell}), home / "t.parquet")
    with pytest.raises(ValueError, match="leads out of the data's folder"):
        picture(Table((home / "t.parquet",), Schema("T", "", images=("image",))), 0, "image")


# ------------------------------------------------------------------------------------------------ bounded pictures


def test_pixels_are_bounded_before_they_are_decoded_wherever_a_picture_comes_from(tmp_path):
    huge = png_of(16_000, 16_000)
    (tmp_path / "huge.png").write_bytes(huge)
    cells = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": huge, "path": None}]}), cells)
    table = Table((InMemory("t.parquet", cells.getvalue()),), Schema("T", "", images=("image",)))
    for read in (
        lambda: images.load_rgb(tmp_path / "huge.png"),
        lambda: images.load_converted(tmp_path / "huge.png"),
        lambda: images.size_of_png(tmp_path / "huge.png"),
        lambda: images.decode_rgb(huge, "it"),
        lambda: images.decode_png(huge),
        lambda: picture(table, 0, "image"),
    ):
        with pytest.raises(ValueError, match="over the limit"):
            read()


def test_a_picture_in_a_stored_part_is_bounded_too(tmp_path):
    image = {"name": "output", "image": {"bytes": png_of(16_000, 16_000), "path": None}}
    with pytest.raises(UserError, match=r"'c' holds no images that can be read: .*over the limit"):
        list(a_run(tmp_path, images=[image]).samples())


def test_a_picture_that_another_program_would_have_to_draw_is_no_picture(tmp_path):
    """Pillow knows EPS by its first bytes, whatever the ending, and starts Ghostscript."""
    eps = tmp_path / "a.png"
    Image.new("RGB", (2, 2)).save(eps, "EPS")
    with pytest.raises(ValueError, match="not an image that Pillow reads"):
        images.load_rgb(eps)


def test_pillow_opens_pictures_in_one_place():
    """Apart from what our own code has just encoded."""
    ours = {"harness/images.py", "baselines/controls/jpeg.py", "reports/page/strips.py", "tasks/world/detector_card.py"}
    found = {place.partition(":")[0] for place, call in calls("open") if ast.unparse(call.func) == "Image.open"}
    assert found == ours


# ------------------------------------------------------------------------------------------------ secrets


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("SOMEONES_API_KEY", SECRET)
    return SECRET


def test_the_environment_that_is_stored_holds_no_variable(tmp_path, secret):
    stored = json.dumps(circumstances())
    assert secret not in stored and set(circumstances()) == {"host", "platform", "processors", "started", "packages"}
    Folder(tmp_path).write_json("environment.json", {"note": f"asked with {secret}"})
    assert json.loads((tmp_path / "environment.json").read_text()) == {"note": "asked with $SOMEONES_API_KEY"}


def test_no_secret_reaches_a_manifest_a_reason_or_the_terminal(tmp_path, secret, capsys):
    folder = a_run(tmp_path)
    folder.write_manifest(request={"model": f"x@https://me:{secret}@host/v1?token=abc"})
    assert secret not in (Path(folder.path) / "manifest.json").read_text()
    assert folder.manifest()["request"] == {"model": "x@https://...@host/v1?token=..."}
    assert reason_of(ValueError(f"401: {secret} is no key")) == "ValueError: 401: $SOMEONES_API_KEY is no key"
    Progress("plain").note(f"the key {secret} was refused")
    assert secret not in "".join(capsys.readouterr())


def test_a_spec_that_would_store_a_secret_is_refused(tmp_path, secret):
    with pytest.raises(UserError, match="would store a secret"):
        RunFolder.create_or_open(tmp_path, RunSpec("m", 1, "", "t", 1, "r", settings={"key": secret}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ..."),
        ("see https://h/x?X-Amz-Signature=0af&n=2", "see https://h/x?X-Amz-Signature=...&n=2"),
        ("Incorrect key sk-abcdefghijklmnop1234", "Incorrect key ..."),
        ("a red square at s3://bucket/run, 28.2 dB", "a red square at s3://bucket/run, 28.2 dB"),
        ("ddt@zoo/ddt, fid@adm@.../reference.npz", "ddt@zoo/ddt, fid@adm@.../reference.npz"),
    ],
)
def test_secrets_are_known_by_their_form_and_other_text_stays(text, shown):
    assert redacted(text) == shown


# ------------------------------------------------------------------------------------------------ what was changed


def test_a_checkpoint_whose_digest_is_another_is_not_opened(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    digest = hashlib.sha256(b"another").hexdigest()
    (tmp_path / "card.json").write_text(json.dumps({"family": "f", "config": {}, "sha256": digest}))
    with pytest.raises(UserError, match="its card says"):
        load_checkpoint(str(tmp_path), "f")


def test_an_archive_is_read_member_by_member_and_never_unpacked(tmp_path):
    from tasks.data.wikipedia import DUMP, wikipedia

    assert not [place for name in ("extractall", "extract", "unpack_archive") for place, _ in calls(name)]
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr(f"../../{DUMP}", b"x")
    with pytest.raises(UserError, match="truncated or damaged"):
        wikipedia(str(tmp_path / "a.whl"))
    assert {path.name for path in tmp_path.iterdir()} == {"a.whl"}
