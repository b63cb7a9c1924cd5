"""The Ray engine on a Ray of this machine: the local engine's bytes, whatever dies; one line for what cannot be."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness_fakes as fakes
import pytest

from harness import catalog, commands
from harness.contracts import ModelEntry
from harness.engines import ray as engine
from harness.engines.ray import RayTeam, needs_of, require_reachable
from harness.engines.ray_actors import Needs
from harness.engines.ray_jobs import StoringJob
from harness.environment import Environment
from harness.errors import UserError
from harness.observe import observe
from harness.run import run
from harness.store.run_folder import RunFolder
from harness.units import AskingJob, split

TASK = fakes.FakeTask(count=45, bad_load=(3,), bad_ask=(9, 30))


@pytest.fixture(scope="module")
def team(bucket: str) -> Iterator[RayTeam]:
    """Two actors for all tests, which know the object store: what ends them starts others."""
    found = RayTeam(2, timeout=20)
    yield found
    found.close()


def make(root: Path | str, task: fakes.FakeTask, team: Any = None, subject: Any = fakes.FakeSubject, **options: Any):
    spec = fakes.spec_for(task)
    folder = RunFolder.create_or_open(root, spec)
    run(spec, task, subject, folder, crew=team, **options)
    return folder


def test_actors_make_and_observe_the_local_engines_bytes(tmp_path: Path, team: RayTeam, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a path as users write it is relative, and an actor stands elsewhere
    both = [fakes.Brightness(bad=("case-0009",), nan=("case-0014",)), fakes.Brightness(name="again")]
    alone, shared = make("alone", TASK), make("shared", TASK, team)
    assert fakes.part_bytes(shared.path) == fakes.part_bytes(alone.path)
    assert shared.cost() == alone.cost() == {"parameters": 0.0}
    assert shared.manifest()["parts"] == alone.manifest()["parts"] and shared.manifest()["failed"] == 3
    observe(alone, both, batch=4)
    assert observe(shared, both, batch=4, crew=team) == {"brightness": "", "again": ""}
    assert len(shared.parts(f"observations/brightness-{both[0].digest}")) == 6
    assert fakes.part_bytes(shared.path) == fakes.part_bytes(alone.path)


def test_actors_store_on_an_object_store(tmp_path: Path, team: RayTeam, bucket: str):
    alone, shared = make(tmp_path, TASK), make(bucket, TASK, team)
    assert [part.file for part in shared.parts()] == [part.file for part in alone.parts()]
    assert [shared.folder.read(f"samples/{part.file}") for part in shared.parts()] == [
        alone.folder.read(f"samples/{part.file}") for part in alone.parts()
    ]
    observe(shared, [fakes.Brightness()], batch=4, crew=team)
    assert len(shared.parts("observations/brightness-d1")) == 6


def test_the_driver_is_sent_no_part(tmp_path: Path, team: RayTeam, monkeypatch):
    def refuse(*_: Any) -> None:
        raise AssertionError("the driver stores")

    monkeypatch.setattr(RunFolder, "write_part", refuse)
    assert make(tmp_path, TASK, team).manifest()["stored"] == 45


def test_a_case_that_kills_its_worker_fails_alone_as_with_children(tmp_path: Path, team: RayTeam):
    task = replace(TASK, deadly=(37,))
    children = make(tmp_path / "children", task, workers=2)
    assert fakes.part_bytes(make(tmp_path / "actors", task, team).path) == fakes.part_bytes(children.path)


def test_a_case_whose_actor_keeps_dying_fails_and_the_rest_goes_on(tmp_path: Path, team: RayTeam):
    folder = make(tmp_path, replace(TASK, count=12, orphaning=(10,)), team)
    rows = [sample for unit in folder.samples() for sample in unit]
    assert {row.case.facts["n"]: row.reason for row in rows if row.outcome == "failed"} == {
        3: "ValueError: case-0003.png: the file is empty",
        9: rows[9].reason,
        10: "the worker died: its actor was lost",
    }
    # asked again once it is well, it is what an undisturbed run makes
    make(tmp_path, replace(TASK, count=12), team, retry_failed=True)
    well = make(tmp_path / "well", replace(TASK, count=12))
    assert fakes.part_bytes(folder.path) == fakes.part_bytes(well.path)


def test_a_driver_that_restarts_resumes(tmp_path: Path, team: RayTeam):
    class Killed(BaseException):
        """Stands for SIGKILL."""

    class Dying(RayTeam):
        """Of a driver that ends after two parts."""

        def engine(self, job: Any, units: Any) -> Any:
            found = team.engine(job, units)
            inner, found.compute = found.compute, lambda *words: self.cut(inner(*words))  # type: ignore[method-assign]
            return found

        def cut(self, parts: Any) -> Any:
            yield next(parts)
            yield next(parts)
            raise Killed

    with pytest.raises(Killed):
        make(tmp_path / "cut", TASK, Dying(1))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("samples/*.parquet")}
    assert 2 <= len(before) < 6
    folder = make(tmp_path / "cut", TASK, team)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("samples/*.parquet")}
    assert before.items() <= after.items()
    assert fakes.part_bytes(folder.path) == fakes.part_bytes(make(tmp_path / "whole", TASK).path)


def test_a_worker_of_another_environment_is_refused(tmp_path: Path):
    here = replace(Environment.current(1), torch="1.0")
    job = StoringJob(AskingJob(fakes.spec_for(TASK), TASK, fakes.FakeSubject, here.digest), here, "cpu")
    with pytest.raises(UserError, match=r"a different environment from the driver's \(torch .* here, 1\.0 there\)"):
        job.open()


def test_a_part_that_is_stored_elsewhere_is_missed(tmp_path: Path):
    folder = make(tmp_path / "here", TASK)
    job = AskingJob(folder.spec, TASK, fakes.FakeSubject, "e", str(tmp_path / "there"))
    stored = job.stored(split(TASK.cases(), 8)[0], (tmp_path / "here").glob("*/*/*/samples/*").__next__().read_bytes())
    assert stored.part.file in os.listdir(tmp_path / "there" / "samples")
    with pytest.raises(UserError, match="all machines of the cluster share"):
        folder.keep("00000", replace(stored, part=replace(stored.part, digest="0" * 16)))


# ------------------------------------------------------------------------------------------------ what cannot be


def test_what_does_not_pickle_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"need a task and a subject that pickle"):
        make(tmp_path, TASK, RayTeam(1), lambda: fakes.FakeSubject())


def test_without_ray_the_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--engine ray needs Ray: pip install 'ddtbench\[ray\]'"):
        commands.run_suite("world", "runs", models=["ddt"], engine="ray", device="cpu")


def test_an_address_where_nothing_answers_is_said_so_before_anything_is_written(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    out = tmp_path / "runs"
    with pytest.raises(UserError, match=rf"no Ray cluster answers at {address} \(Connection refused\): start one"):
        commands.run_suite("world", str(out), models=["ddt"], engine="ray", address=address, device="cpu")
    assert not out.exists()


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:port", "head:0", "head:70000"])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(UserError, match="is not the address of a Ray cluster"):
        require_reachable(address)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"workers": 1, "timeout": 0.0}, "time limit must be above 0"),
        ({"workers": 1, "device": "cuda:1"}, "Ray itself gives each worker its GPU"),
        ({"workers": 1, "out": "memory://runs"}, "memory://runs is in the memory of one process"),
        ({"workers": 1, "address": "ray://head:10001"}, "give the command on a node of the cluster"),
    ],
)
def test_a_request_that_cannot_be_is_refused(options: dict[str, Any], reason: str):
    with pytest.raises(UserError, match=reason):
        RayTeam(**options)


def test_an_address_without_the_engine_is_refused(call):
    code, _, err = call("run", "world", "--model", "ddt", "--address", "auto")
    assert code == 2 and err.strip() == "ddtbench: --address auto is that of a Ray cluster: add --engine ray"


# ------------------------------------------------------------------------------------------------ what a worker takes


def test_a_worker_takes_what_the_models_entry_says(monkeypatch):
    entries = (ModelEntry("large", "", "", cpus=8, gpus=2), ModelEntry("small", "", "", gpus=0.25))
    monkeypatch.setattr(catalog, "entries", lambda kind: entries)
    assert needs_of("large@weights-1a2b3c", 1, "cuda") == Needs(8, 2)
    assert needs_of("small", 2, "cuda") == Needs(2, 0.25)
    assert needs_of("large", 1, "cpu") == Needs(8, 0)  # a GPU is taken by who computes there
    assert needs_of("unknown", 3, "cpu") == Needs(3, 0) and needs_of("", 1, "cuda") == Needs(1, 1)


def test_a_node_has_room_for_as_many_as_fit():
    assert Needs(2, 0.5).room_in({"CPU": 16, "GPU": 2}) == 4
    assert Needs(4, 0).room_in({"CPU": 15}) == 3 and Needs(1, 1).room_in({"CPU": 15}) == 0
    assert str(Needs(2, 0.5)) == "2 CPUs and 0.5 GPUs" and str(Needs(1, 0)) == "1 CPUs"


def test_this_machine_may_be_too_small(tmp_path: Path, team: RayTeam, monkeypatch):
    make(tmp_path / "first", replace(TASK, count=8), team)  # Ray is there
    monkeypatch.setattr(catalog, "entries", lambda kind: (ModelEntry("fake-model", "", "", cpus=64),))
    large = RayTeam(1)
    with pytest.raises(UserError, match="a worker takes 64 CPUs, as its model's entry says: this machine has not that"):
        make(tmp_path / "second", replace(TASK, count=8), large)


# ------------------------------------------------------------------------------------------------ a cluster


@pytest.mark.slow
def test_a_cluster_loses_a_node_and_the_run_has_the_local_engines_bytes(tmp_path: Path, team: RayTeam):
    """Two nodes on loopback; one is lost with its worker, and the other does the rest."""
    import ray
    from ray.cluster_utils import Cluster

    team.close()  # one Ray in a process
    task = replace(TASK, seconds=0.1)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    found = RayTeam(None, address=cluster.address)

    class Losing(RayTeam):
        """Loses a node after the second part."""

        def engine(self, job: Any, units: Any) -> Any:
            made = found.engine(job, units)
            inner, made.compute = made.compute, lambda *words: self.lose(inner(*words))  # type: ignore[method-assign]
            return made

        def lose(self, parts: Any) -> Any:
            yield next(parts)
            assert len(ray.nodes()) == 2 and found._actors is not None and found._actors._room == 2
            yield next(parts)
            cluster.remove_node(second)
            yield from parts

    try:
        folder = make(tmp_path / "cluster", task, Losing(1))
        assert fakes.part_bytes(folder.path) == fakes.part_bytes(make(tmp_path / "alone", task).path)
    finally:
        found.close()
        cluster.shutdown()
