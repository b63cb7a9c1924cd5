"""Folders with one file in them exchanged: runs, checkpoints, and models of the libraries."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import fuzz_oracle
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.contracts import Case, Estimate, Sample
from harness.spec import RunSpec
from harness.store.integrity import problems
from harness.store.parts import Part, encode_observations, encode_samples, encode_table, sample_row
from harness.store.results import read_index as read_suite_index
from harness.store.results import read_left_out
from harness.store.run_folder import RunFolder, case_set_digest
from harness.store.seals import seal_of, sealed_manifest

JSON_FILES = ("spec", "manifest", "cost", "environment", "estimates", "suite", "lock")
TABLES = ("samples", "observations", "scores", "reasons")
SPEC = RunSpec("m", 1, "", "t", 1, "r", {"steps": 3})
CASES = [Case(f"c{i}", f"g{i // 2}", "even", {"n": i}) for i in range(4)]
DIGEST = case_set_digest([case.id for case in CASES])
INSTRUMENT = "brightness"
RUN = f"m/t/{SPEC.key()}"


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    image = np.zeros((4, 4, 3), np.uint8)
    ok = [sample_row(Sample(case, "ok", "", {"output": image}, (1, 2), "said", {"psnr": 1.5})) for case in CASES[:3]]
    return (*ok, sample_row(Sample(CASES[3], "failed", "too dark")))


@cache
def tables(name: str) -> list[bytes]:
    """Valid bytes of a table, and of some with columns left out, turned round or of another type."""
    made = _table(name)
    whole = pq.read_table(pa.BufferReader(made))
    stated = whole.schema.metadata
    found = [made]
    for column in whole.column_names:
        place = whole.column_names.index(column)
        others = (
            pa.array([None] * whole.num_rows, whole.schema.field(column).type),
            pa.array(range(whole.num_rows), pa.int64()),
            pa.array([b"\xff\xfe"] * whole.num_rows),
            pa.array(["{]"] * whole.num_rows),
        )
        changed = [whole.drop_columns([column]), *(whole.set_column(place, column, other) for other in others)]
        for other in changed:
            buffer = io.BytesIO()
            pq.write_table(other.replace_schema_metadata(stated), buffer, compression="zstd")
            found.append(buffer.getvalue())
    return found


def _table(name: str) -> bytes:
    if name == "samples":
        return encode_samples(_rows(), {"key": SPEC.key(), "unit": "00000", "environment": "e"})
    if name == "observations":
        columns = {
            "mean": [1.0, 2.0, None],
            "word": ["a", "b", None],
            "vector": [np.ones(3), np.ones(3), None],
            "level": [1, 2, None],
        }
        stated = {"key": SPEC.key(), "unit": "00000", "instrument": INSTRUMENT, "digest": "d1"}
        return encode_observations(
            [case.id for case in CASES[:3]], columns, ["", "", "why"], {**stated, "samples": _source()}
        )
    if name == "scores":
        rows = {
            "metric": ["psnr"] * 3,
            "case": ["c0", "c1", "c2"],
            "group": ["g0", "g0", "g1"],
            "stratum": ["even"] * 3,
        }
        return encode_table(pa.table({**rows, "numerator": [1.0, 2.0, 3.0], "denominator": [1.0, 1.0, 1.0]}))
    return encode_table(pa.table({"metric": ["psnr"], "case": ["c0"], "reason": ["it is dark"]}))


def _source() -> str:
    return Part.of("00000", _table("samples")).digest


@cache
def _estimates() -> dict[str, Any]:
    estimate = asdict(
        Estimate("psnr", 1, 20.5, 19.0, None, "bootstrap", 3, 1, "higher", fingerprint={"a": [1, {"b": 2}]})
    )
    return {
        "schema": 1,
        "subject": "m",
        "task": "t",
        "key": SPEC.key(),
        "cases": DIGEST,
        "estimates": [estimate, estimate],
    }


def document(name: str) -> Any:
    """What a JSON file of the run says when it is whole."""
    parts = [Part.of("00000", _table("samples")).file]
    protocol = {"request": {"model": "m", "task": "t", "limit": 4}, "instruments": [INSTRUMENT], "metrics": ["psnr"]}
    return {
        "spec": {"schema": 1, "key": SPEC.key(), "spec": SPEC.to_dict()},
        "manifest": {
            "schema": 1,
            "subject": "m",
            "task": "t",
            "key": SPEC.key(),
            "parts": parts,
            "measured": DIGEST,
            "instruments": {INSTRUMENT: "d1"},
            "unavailable": {"x": "why"},
            "results_only": False,
            "protocol": protocol,
            "failures": [["c3", "too dark"]],
            "shown": {"name": "M"},
        },
        "cost": {"parameters": 10, "seconds": 1.5, "training": {"steps": 3, "log": [{"step": 1, "loss": 2.0}]}},
        "environment": {"python": "3.11", "torch": "2", "threads": 1, "host": "h", "packages": {"numpy": "2"}},
        "estimates": _estimates(),
        "suite": {
            "schema": 1,
            "suite": "s",
            "runs": [
                {"model": "m", "task": "t", "limit": 4, "seed": 0, "key": SPEC.key(), "path": RUN, "cases": DIGEST}
            ],
            "left_out": ["x, for want of y"],
        },
        "lock": {
            "pid": 1,
            "host": "h",
            "doing": "asking",
            "wanted": 4,
            "stored": 1,
            "made": 2,
            "failed": 0,
            "seconds": 1.5,
        },
    }[name]


def prepare(folder: Path) -> None:
    """A run folder that holds."""
    for name in ("spec", "manifest", "cost", "environment", "estimates", "suite", "lock"):
        _put(folder, name, json.dumps(document(name)).encode())
    for name in TABLES:
        _put(folder, name, _table(name))
    _seal(folder)


def _put(folder: Path, name: str, data: bytes) -> Path:
    run = folder / RUN
    places = {
        "suite": folder / "suites/s.json",
        "lock": run / "lock",
        "estimates": run / f"measures/{DIGEST}/estimates.json",
        "scores": run / f"measures/{DIGEST}/scores.parquet",
        "reasons": run / f"measures/{DIGEST}/reasons.parquet",
        "samples": run / "samples" / Part.of("00000", data).file,
        "observations": run / f"observations/{INSTRUMENT}-d1" / Part.of("00000", data).file,
    }
    path = places.get(name, run / f"{name}.json")
    if name in ("samples", "observations"):
        shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _seal(folder: Path, manifest: Any = None) -> None:
    run = folder / RUN
    whole = copy.deepcopy(document("manifest")) if manifest is None else manifest
    names = [
        "cost.json",
        *(f"measures/{DIGEST}/{name}" for name in ("estimates.json", "scores.parquet", "reasons.parquet")),
    ]
    if manifest is None:
        whole["seals"] = {name: seal_of((run / name).read_bytes()) for name in names}
        whole["parts"] = [path.name for path in (run / "samples").iterdir()]
    (run / "manifest.json").write_text(json.dumps(sealed_manifest(whole)))


def reader(name: str) -> Callable[[bytes, Path], None]:
    """Exchange one file, set right the digests around it, and read all that the folder says."""

    def read(data: bytes, folder: Path) -> None:
        _put(folder, name, data)
        try:
            if name == "manifest":
                value = _as_object(data)
                if value is not None:
                    _seal(folder, value)
            else:
                _seal(folder)
            if name == "spec" and (value := _as_object(data)) is not None:
                _with_key(folder, value)
            _read_all(folder)
        finally:
            _put(folder, name, _table(name) if name in TABLES else json.dumps(document(name)).encode())
            _seal(folder)

    return read


def _as_object(data: bytes) -> Any:
    try:
        value = json.loads(data)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _with_key(folder: Path, value: dict[str, Any]) -> None:
    """Half of the changed specs are given the key that they would have."""
    try:
        value["key"] = RunSpec.from_dict(value["spec"]).key()
    except Exception:  # no spec at all: it stays as it is
        return
    (folder / RUN / "spec.json").write_text(json.dumps(value))


def _read_all(folder: Path) -> None:
    from reports.reading.runs import read_stored

    root = str(folder)
    found: list[RunFolder] = []
    reads: list[Callable[[], Any]] = [
        lambda: found.append(RunFolder.open(f"{root}/{RUN}")),
        lambda: read_suite_index(root, "s"),
        lambda: read_left_out(root, "s"),
        lambda: read_stored(root, "s"),
    ]
    for read in (
        "manifest",
        "cost",
        "measured",
        "case_sets",
        "read_estimates",
        "read_scores",
        "columns",
        "cases",
        "sample_frame",
        "instruments",
        "unavailable",
        "environments",
    ):
        reads += [lambda read=read: [getattr(run, read)() for run in found]]
    reads += [
        lambda: [list(run.samples()) for run in found],
        lambda: [run.read_reasons(DIGEST) for run in found],
        lambda: [run.observation_columns(INSTRUMENT) for run in found],
        lambda: [run.require_measure(DIGEST) for run in found],
        lambda: [run.results_only for run in found],
        lambda: [run.mixed_environment for run in found],
        lambda: [problems(run) for run in found],
        lambda: [_holder(run) for run in found],
    ]
    fuzz_oracle.each(*reads)


def _holder(run: RunFolder) -> None:
    from harness.store.holder import read_holder

    read_holder(run.folder.read("lock"))


# ------------------------------------------------------------------------------------------------ checkpoints

CONFIG = {
    "embed_dim": 4,
    "n_embed": 8,
    "ddconfig": {
        "ch": 32,
        "ch_mult": [1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "in_channels": 3,
        "out_ch": 3,
        "resolution": 8,
        "z_channels": 4,
        "double_z": False,
    },
}


@cache
def _state() -> bytes:
    import torch
    from safetensors.torch import save

    from baselines.vqgan import VQGAN, VQGANConfig

    torch.manual_seed(0)
    return save(
        {key: value.contiguous() for key, value in VQGAN(VQGANConfig.from_mapping(CONFIG)).state_dict().items()}
    )


def cards() -> list[Any]:
    digest = hashlib.sha256(_state()).hexdigest()
    return [{"family": "vqgan", "config": CONFIG, "sha256": digest, "recipe": "x", "steps": 3}]


def prepare_checkpoint(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(_state())
    (folder / "card.json").write_text(json.dumps(cards()[0]))


def read_card(data: bytes, folder: Path) -> None:
    """Opened as a user's ``vqgan@FOLDER`` is."""
    from harness.catalog import open_model
    from harness.weights.checkpoints import codes_digest_of, digest_of

    (folder / "card.json").write_bytes(data)
    fuzz_oracle.each(
        lambda: digest_of(str(folder)), lambda: codes_digest_of(str(folder)), lambda: open_model(f"vqgan@{folder}")
    )


@cache
def weight_files() -> list[bytes]:
    import torch
    from safetensors.torch import save

    return [
        save({"a": torch.zeros(2, 3), "b": torch.ones(4, dtype=torch.float16)}),
        save({"a": torch.zeros(0)}),
        _state()[:5000],
    ]


def read_weights(data: bytes, folder: Path) -> None:
    from harness.weights.checkpoints import load_checkpoint
    from harness.weights.published_files import read_weights as read

    (folder / "model.safetensors").write_bytes(data)
    (folder / "card.json").write_text(
        json.dumps({"family": "f", "config": {}, "sha256": hashlib.sha256(data).hexdigest()})
    )
    fuzz_oracle.each(lambda: load_checkpoint(str(folder), "f"), lambda: read(folder / "model.safetensors"))


@cache
def pickled_files() -> list[bytes]:
    from argparse import Namespace

    import torch

    state = {
        "state_dict": {"a": torch.zeros(2), "b": torch.ones(3, dtype=torch.bfloat16)},
        "step": 3,
        "args": Namespace(x=1),
    }
    made = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
        made.append(buffer.getvalue())
    return made


def read_published(path: Path) -> None:
    from harness.weights.published_files import read_weights as read

    read(path)


# ------------------------------------------------------------------------------------------------ models of libraries


def configs() -> list[Any]:
    return [
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": 8,
            "intermediate_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "vocab_size": 8,
            "head_dim": 4,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            "auto_map": {"AutoConfig": "own.Own"},
        }
    ]


def prepare_model(folder: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(
        LlamaConfig(**{key: value for key, value in configs()[0].items() if key != "auto_map"})
    ).save_pretrained(folder)
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\nclass Own: pass\n")


def read_config(data: bytes, folder: Path) -> None:
    """A language model of transformers; its folder holds code, which never runs."""
    from ddt_llama.mllm.folder import open_language_model

    (folder / "config.json").write_bytes(data)
    try:
        open_language_model(str(folder))
    finally:
        assert not (folder / "ran").exists()


def indexes() -> list[Any]:
    return [{"metadata": {"total_size": 1}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}]


def read_index(data: bytes, folder: Path) -> None:
    from harness.weights.tame import require_tame

    shutil.rmtree(folder / "sharded", ignore_errors=True)
    (folder / "sharded").mkdir()
    (folder / "sharded" / "model.safetensors.index.json").write_bytes(data)
    require_tame(folder / "sharded")
    for name in json.loads(data)["weight_map"].values():
        assert (folder / "sharded" / name).parent == folder / "sharded" and name != ".."
