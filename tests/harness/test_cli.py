"""The command line: its frozen surface, a run of another package's task end to end, one line for bad input."""

from __future__ import annotations

import inspect
import json
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from plugin_packages import write_plugin

from harness import catalog, cli, commands
from harness.errors import UserError
from harness.plan import expand_model, model_label, opened, plan, require_same_cases, suite_for
from harness.spec import SuiteSpec
from harness.weights.checkpoints import save_checkpoint

SURFACE = {
    "list": "KIND --ready --debug",
    "show": "NAME --debug",
    "new": "task|model|metric|tokenizer NAME --to --debug",
    "run": "SUITE|TASK|FILE.toml --model --as --task --limit --out --engine --address --workers --batch-timeout "
    "--retry-failed --device --seed --seeds --batch --unit-size --threads --mixed-environment --dry-run --plan --debug",
    "observe": "RUNS --instrument --suite --engine --address --workers --device --debug",
    "measure": "RUNS --metric --suite --debug",
    "prune": "RUNS --suite --dry-run --debug",
    "report": "RUNS --to --suite --allow-mixed --track --debug",
    "export": "RUN --to --as --debug",
    "data statistics": "FOLDER --to --protocol --device --debug",
    "data prepare": "NAME --from --fetch --debug",
    "train all": "--out --plan --debug",
    "train mllm": "RECIPE --out --dry-run --resume --tensorboard --debug",
    "train tokenizer": "RECIPE --out --dry-run --resume --steps --threads --tensorboard --debug",
    # those that reports adds, as any package may
    "baseline list": "--debug",
    "baseline save": "NAME RUNS --model --replace --debug",
    "claims": "[RUNS]... --format --debug",
    "compare": "RUNS... --baseline --model --metric --task --suite --format --to --flips --debug",
    "conventions": "RUNS --limit --round-trip --format --to --debug",
    "gate": "CHECKPOINT --against --suite --limit --seed --plan --policy --undecided --junit --markdown --json --out "
    "--workers --device --debug",
    "regress": "NEW --against --model --against-model --policy --undecided --junit --markdown --json --debug",
    "reproduce": "TABLE --run --format --to --lint --debug",
    "scale": "RUNS --metric --task --suite --to --format --debug",
    "view": "RUNS --port --suite --open --debug",
}


def files_under(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(Path(root).rglob("*")) if path.is_file()}


# ------------------------------------------------------------------------------------------------ surface and speed


def surface():
    import typer.main

    def walk(command, name):
        command = getattr(command, "_loaded", command)  # of another package: what lies at its place
        inner = getattr(command, "commands", None)
        if inner is not None:
            for word, one in inner.items():
                yield from walk(one, f"{name} {word}".strip())
            return
        words = []
        for parameter in command.params:
            is_argument = parameter.param_type_name == "argument"
            words.append(parameter.metavar if is_argument else next(o for o in parameter.opts if o.startswith("--")))
        yield name, " ".join(words)

    return dict(walk(typer.main.get_command(cli.app), ""))


def test_the_surface_is_frozen():
    assert surface() == SURFACE, "a changed command line breaks people's scripts: change this test on purpose only"


def cpu_seconds(*words):
    """The least CPU time of three calls: what others do on the machine only adds to it."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


# On two machines 0.10 and 0.31 s, 0.17 and 0.43 s; the import of typer took 0.14 s on the second. The design's 0.3 and
# 0.5 s are those of the first; a ratio of one run holds on both, and beside other tests.
@pytest.mark.parametrize(("words", "bound"), [(["--help"], 4), (["list", "models"], 6), (["list", "instruments"], 6)])
def test_it_answers_at_once(words, bound):
    assert cpu_seconds("-m", "harness.cli", *words) < bound * cpu_seconds("-c", "import typer")


@pytest.mark.parametrize(
    "words", [["--help"], ["list", "models"], ["list", "instruments", "--ready"], ["run", "--help"]]
)
def test_nothing_heavy_is_imported_for_an_answer(words):
    asked = f"""
import contextlib, io, sys
from harness.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main({words!r})
print(sorted({{'torch', 'pandas', 'numpy', 'pyarrow', 'scipy', 'transformers', 'matplotlib'}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["", *SURFACE])
def test_every_command_has_help(call, command):
    code, out, err = call(*command.split(), "--help")
    assert code == 0 and err == ""
    assert f"Usage: ddtbench {command}".rstrip() in out


def test_no_arguments_show_the_help(call):
    assert call() == call("--help")


# ------------------------------------------------------------------------------------------------ another package


def test_a_suite_of_another_package_end_to_end(toy, call):
    code, out, err = call("run", "toy")
    assert code == 0
    assert "toy exact" in out and "toy-carrier" in out
    assert out.rstrip().endswith("Next: ddtbench report runs --to report --suite toy")
    assert "'sum-013': ValueError: thirteen brings bad luck" in err

    index = json.loads((toy / "runs/suites/toy.json").read_text())
    assert [row["model"] for row in index["runs"]] == ["toy-adder", "toy-carrier"]
    folders = [toy / "runs" / row["path"] for row in index["runs"]]
    spec = json.loads((folders[0] / "spec.json").read_text())["spec"]
    assert spec["model_version"] == 3 and spec["task_version"] == 2 and spec["checkpoint"] == ""
    assert spec["settings"] == {"carry": False} and spec["batch"] == 8 and spec["unit_size"] == 16
    assert len({path.name for folder in folders for path in (folder / "measures").iterdir()}) == 1, "not the same cases"

    before = files_under(toy / "runs")
    code, again, err = call("run", "toy")
    assert code == 0 and again == out
    assert files_under(toy / "runs") == before, "the second run is to find everything there"

    assert call("observe", "runs", "--suite", "toy")[0] == 0
    code, measured, _ = call("measure", "runs")
    assert code == 0 and "toy exact" in measured
    assert files_under(toy / "runs") == before

    code, said, _ = call("report", "runs", "--to", "pages", "--suite", "toy")
    assert code == 0 and "index.html" in said
    assert "toy-carrier" in (toy / "pages/index.html").read_text()


def test_the_python_calls_return_frames(toy):
    frame = commands.run_suite("toy", "runs")
    exact = frame[frame.metric == "toy-exact"].set_index("model")
    assert exact.value["toy-carrier"] == 1.0
    assert exact.failed["toy-adder"] == 2 and exact.scored["toy-adder"] == 38
    assert exact.low["toy-adder"] < exact.value["toy-adder"] < exact.high["toy-adder"] < 1
    assert exact.fingerprint["toy-adder"]["numbers"] == "below 30"
    assert set(frame.seed) == {0}
    assert commands.measure_runs("runs").equals(frame.reset_index(drop=True))
    assert commands.observe_runs("runs", suite="toy") == 2
    with pytest.raises(UserError, match="suite 'toi' was not run in runs; known there: toy"):
        commands.measure_runs("runs", suite="toi")


def test_a_python_call_takes_what_the_command_takes(toy, call):
    frame = commands.run_suite("toy", "runs", models=["toy-carrier"], limit=9, seeds=[3, 1])
    assert set(frame.model) == {"toy-carrier"} and set(frame.scored) == {9} and set(frame.seed) == {1, 3}
    assert call("run", "toy", "--model", "toy-carrier", "--limit", 9, "--seeds", "3,1", "--out", "typed")[0] == 0
    rows = [json.loads(Path(f"{out}/suites/toy.json").read_text())["runs"] for out in ("runs", "typed")]
    assert rows[0] == rows[1] and len(rows[0]) == 2
    one = commands.run_suite("toy-sums@20", "runs", models=["toy-adder"], tasks=[], limit=4)
    assert set(one.task) == {"toy-sums-20"} and set(one.seed) == {0}
    with pytest.raises(UserError, match="lists of names"):
        commands.run_suite("toy", "runs", models="toy-adder")
    spec = SuiteSpec.of("mine", ["toy-adder"], ["toy-sums@20"])
    assert set(commands.run_suite(spec, "runs", models=["toy-carrier"], limit=4).model) == {"toy-carrier"}


def test_both_calls_choose_the_device_as_the_command_does(toy, monkeypatch):
    seen = []
    monkeypatch.setattr(commands, "resolve_device", lambda device: seen.append(device) or "cpu")
    commands.run_suite("toy", "runs", limit=2)
    assert seen == ["auto"]
    assert inspect.signature(commands.dry_run).parameters["device"].default == "auto"


def test_several_seeds_are_several_runs_shown_over_seeds(toy, call):
    code, out, _ = call("run", "toy", "--model", "toy-carrier", "--seeds", "0,1,2", "--limit", 8)
    assert code == 0
    assert "toy-sums-40, over seeds" in out and "toy-carrier (3 seeds)" in out and "toy-carrier seed 2" in out
    assert "s: standard deviation between seeds" in out
    code, out, _ = call("run", "toy", "--model", "toy-carrier", "--seeds", "0,1,2,3", "--limit", 8, "--dry-run")
    assert code == 0 and " 32      24       8 " in out
    code, out, _ = call("run", "toy", "--model", "toy-carrier", "--seeds", "0,1,2,3", "--limit", 8, "--plan")
    assert code == 0 and " 32      24       8 " in out
    Path("mine.toml").write_text('models = ["toy-carrier"]\ntasks = ["toy-sums@40"]\nseeds = [0, 4]\n')
    assert call("run", "mine.toml", "--limit", 8)[0] == 0
    assert len(json.loads(Path("runs/suites/mine.json").read_text())["runs"]) == 2
    assert call("run", "mine.toml", "--limit", 8, "--seed", 5)[0] == 0
    rows = json.loads(Path("runs/suites/mine.json").read_text())["runs"]
    assert sorted(row["seed"] for row in rows) == [0, 4, 5]  # one seed asked for stands in place of the file's


def test_the_version_is_that_of_the_package(call):
    from importlib.metadata import version

    assert call("--version") == (0, f"ddtbench {version('ddtbench')}\n", "")


def test_a_metric_can_be_added_afterwards_and_stays(toy):
    commands.run_suite("toy", "runs")
    assert "bits-per-image" not in set(commands.measure_runs("runs").metric)
    assert "bits-per-image" in set(commands.measure_runs("runs", metrics=["bits-per-image"]).metric)
    assert "bits-per-image" in set(commands.measure_runs("runs").metric)


def test_a_raised_limit_ends_in_the_same_bytes(toy, call):
    assert call("run", "toy", "--limit", "10", "--out", "grown")[0] == 0
    assert call("run", "toy", "--out", "grown")[0] == 0
    assert call("run", "toy", "--out", "whole")[0] == 0
    grown, whole = files_under("grown"), files_under("whole")
    promised = [name for name in whole if "/samples/" in name or name.endswith(("scores.parquet", "estimates.json"))]
    assert len(promised) > 8
    assert {name: grown[name] for name in promised} == {name: whole[name] for name in promised}
    out = call("run", "toy", "--limit", "10", "--out", "grown")[1]
    assert " 10 cases" in out and " 40 cases" not in out  # what is shown is what was asked for last


def test_two_workers_make_the_same_samples(toy, call):
    assert call("run", "toy", "--out", "one", "--model", "toy-adder")[0] == 0
    assert call("run", "toy", "--out", "two", "--model", "toy-adder", "--workers", "2")[0] == 0
    one, two = ({n: b for n, b in files_under(root).items() if "/samples/" in n} for root in ("one", "two"))
    assert one and one == two


def test_where_memory_runs_out_half_the_batch_is_tried_once_and_stands_in_the_fingerprint(toy, call, monkeypatch):
    from toy_bench.sums import Sums

    real, asked = Sums.ask, []

    def ask(self, subject, cases, inputs, seeds):
        asked.append(len(cases))
        if len(cases) > 4:
            raise MemoryError
        return real(self, subject, cases, inputs, seeds)

    monkeypatch.setattr(Sums, "ask", ask)
    words = ("run", "toy-sums@12", "--model", "toy-carrier", "--batch", "8", "--out", "half")
    code, _, err = call(*words)
    assert code == 0 and "memory ran out" in err and "once more with a batch of 4" in err
    [row] = json.loads(Path("half/suites/toy-sums-12.json").read_text())["runs"]
    folder = Path("half") / row["path"]
    assert json.loads((folder / "spec.json").read_text())["spec"]["batch"] == 4
    estimates = json.loads(next(folder.glob("measures/*/estimates.json")).read_text())["estimates"]
    assert {item["fingerprint"]["batch"] for item in estimates} == {"4, since memory ran out with 8"}
    asked.clear()
    assert call(*words)[0] == 0 and asked == []  # nothing is asked twice
    monkeypatch.setattr(Sums, "ask", lambda *words: (_ for _ in ()).throw(MemoryError()))
    code, _, err = call(*words[:-1], "none")
    assert code == 4 and err.count("\n") >= 2 and "Traceback" not in err


def test_a_run_of_which_nothing_was_answered_is_done_in_part(toy, call, monkeypatch):
    from toy_bench.models import Carrier

    def leave(self, left, right):
        raise SystemExit(0)

    monkeypatch.setattr(Carrier, "add", leave)
    code, out, err = call("run", "toy", "--limit", "4")
    assert code == 4 and "toy-carrier on toy-sums-40: all 4 cases failed" in err
    assert "toy-adder" in out  # the rest is shown


def test_failed_cases_are_asked_again_when_that_is_wanted(toy, call, monkeypatch):
    from toy_bench.models import Adder

    words = ("run", "toy", "--model", "toy-adder", "--limit", "16")
    assert "1 of 16 cases failed" in call(*words)[2]
    monkeypatch.setattr(Adder, "add", lambda self, left, right: left + right)
    assert call(*words)[2] == ""
    code, out, err = call(*words, "--retry-failed")
    assert code == 0 and "cases failed" not in err and "toy-adder" in out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_limit_is_above_zero(toy, call, seconds):
    code, _, err = call("run", "toy", "--batch-timeout", seconds)
    assert code == 2 and "time limit must be above 0 seconds" in err


def test_a_suite_file_and_options_that_override_it(toy, call):
    Path("mine.toml").write_text(
        'models = ["toy-adder"]\ntasks = ["toy-sums@20", "toy-sums@30"]\nlimit = 9\nseed = 4\n'
    )
    assert call("run", "mine.toml", "--task", "toy-sums@30", "--batch", "5")[0] == 0
    [row] = json.loads(Path("runs/suites/mine.json").read_text())["runs"]
    spec = json.loads((Path("runs") / row["path"] / "spec.json").read_text())["spec"]
    assert (row["task"], row["limit"], spec["seed"], spec["batch"]) == ("toy-sums@30", 9, 4, 5)


def test_dry_run_says_all_and_writes_nothing(toy, call):
    code, out, _ = call("run", "toy", "--dry-run")
    assert code == 0 and not Path("runs").exists()
    assert "toy-carrier on toy-sums@40" in out and "nothing was written" in out
    assert call("run", "toy", "--limit", "20")[0] == 0
    before = files_under("runs")
    _, out, _ = call("run", "toy", "--dry-run")
    assert [line.split()[3:6] for line in out.splitlines() if " on " in line] == [["40", "20", "20"]] * 2
    assert files_under("runs") == before


def test_dry_run_lists_what_is_missing_beside_what_can_start(toy, call):
    code, out, err = call("run", "toy-sums@9", "-m", "toy-adder", "-m", "toy-silent", "--dry-run")
    assert code == 2 and "toy-adder on toy-sums@9" in out and "cannot start: task" in out
    assert "1 of 2 runs cannot start" in err


def test_it_exits_cleanly_as_a_process(toy):
    environment = {**os.environ, "PYTHONPATH": str(toy / "site"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "harness.cli", "run", "toy", "--device", "cpu"]
    done = subprocess.run(words, env=environment, cwd=toy, capture_output=True, text=True)
    assert (done.returncode, "Next: ddtbench report" in done.stdout) == (0, True), done.stderr


# ------------------------------------------------------------------------------------------------ bad input

BAD = [
    (["frobnicate"], "No such command 'frobnicate'"),
    (["run"], "Missing argument 'SUITE|TASK|FILE.toml'"),
    (["run", "toy", "--limt", "3"], "No such option: --limt (Possible options: --limit)"),
    (["run", "toy", "--limit", "many"], "Invalid value for '--limit'"),
    (["list", "modls"], "no list of 'modls'; did you mean 'models'?"),
    (["run", "tooy"], "no suite, task or .toml file is called 'tooy'; did you mean 'toy'?"),
    (["run", "absent.toml"], "cannot read the suite file absent.toml"),
    (["run", "toy-sums"], "which models on toy-sums? add --model NAME"),
    (["run", "toy-sums", "-m", "toy-ader"], "unknown model 'toy-ader'; did you mean 'toy-adder'?"),
    (["run", "toy-sums", "-m", "toy-adder", "-t", "toy-sums@3"], "drop --task"),
    (["run", "toy", "-t", "toy-summs@3"], "unknown task 'toy-summs'; did you mean 'toy-sums'?"),
    (["run", "toy", "-m", "toy-silent"], "models which do: toy-adder, toy-carrier"),
    (["run", "toy", "-m", "toy-adder", "-m", "toy-silent"], "models which do: toy-adder, toy-carrier"),
    (["run", "toy", "-m", "vqgan@no/such/folder"], "no checkpoint at 'no/such/folder'"),
    (["run", "toy", "-m", "vqgan@wrong"], "no 'vqgan' can be made from wrong (KeyError: 'ddconfig')"),
    (["run", "toy", "-m", "vqgan@steps_*"], "no checkpoint matches 'steps_*'"),
    (["run", "reconstruction@world", "-m", "toy-adder"], "toy-adder"),
    (["run", "toy", "--limit", "0"], "limit must be a whole number of at least 1"),
    (["run", "toy", "--batch", "0"], "batch must be a whole number of at least 1"),
    (["run", "toy", "--threads", "0"], "threads must be a whole number of at least 1"),
    (["run", "toy", "--seed", "-1"], "seed must be a whole number of at least 0"),
    (["run", "toy", "--workers", "0"], "workers must be at least 1"),
    (["run", "toy", "--engine", "locla"], "unknown engine 'locla'; did you mean 'local'?"),
    (["run", "toy", "--device", "cdua"], "unknown device 'cdua'"),
    (["run", "toy", "--device", "cuda:99"], "not on this machine"),
    (["measure", "nowhere"], "nowhere"),
    (["observe", "nowhere"], "nowhere"),
    (["observe", "nowhere", "-i", "toy-paritty"], "did you mean 'toy-parity'?"),
    (["measure", "nowhere", "--metric", "pnsr"], "did you mean 'psnr'?"),
    (["run", "toy", "--seeds", "0,x"], "'x' is not a seed"),
    (["run", "toy", "--seeds", "0,,1"], "'' is not a seed"),
    (["run", "toy", "--seeds", "0,1,0"], "a seed is named twice"),
    (["run", "toy", "--seeds", "0,1", "--seed", "3"], "use one of them"),
    (["data", "prepare", "fashion-mist"], "did you mean 'fashion-mnist'?"),
    (["data", "prepare", "world"], "data 'world' needs no preparing"),
    (["train", "tokenizer", "dddt", "--out", "x"], "unknown recipe 'dddt'; did you mean 'ddt'?"),
    (["run", "toy", "--out", ""], "an empty path names no folder"),
    (["run", "toy", "--batch", "1000000"], "batch 1000000 is more than a unit of 16 cases"),
    (["report", "nothing-here", "--to", "page"], "there is no folder nothing-here"),
    (["train", "tokenizer", "ddt"], "Missing option '--out'"),
    (["train", "tokenizer", "ddt", "--out", "x", "--steps", "0"], "Invalid value for '--steps'"),
]


@pytest.mark.parametrize(
    ("words", "expected"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_leaves_nothing(toy, call, words, expected):
    save_checkpoint(toy / "wrong", "vqgan", {}, {"config": {"width": 3}})
    before = files_under(toy)
    code, out, err = call(*words)
    assert code == 2, err
    assert out == ""
    assert err.startswith("ddtbench: ") and err.count("\n") == 1, err
    assert expected in err
    left = {name for name in files_under(toy).keys() - before.keys() if "__pycache__" not in name}
    assert left == set()


def test_debug_shows_the_traceback(toy, call):
    assert "Traceback" not in call("run", "tooy")[2]
    assert "Traceback" in call("run", "tooy", "--debug")[2]


def test_an_interrupt_says_how_to_go_on(toy, call, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run_suite", interrupted)
    code, _, err = call("run", "toy")
    assert code == 130 and "the same command continues from there" in err and "Traceback" not in err


def test_a_defect_of_ours_is_told_from_bad_input(toy, call, monkeypatch):
    monkeypatch.setattr(commands, "run_suite", lambda *_, **__: 1 / 0)
    code, _, err = call("run", "toy")
    assert code == 70 and "unexpected ZeroDivisionError" in err and "--debug" in err


def test_a_broken_plugin_is_a_warning_line(toy, call):
    write_plugin(toy / "site", "broken_cli", "raise RuntimeError('half\\ninstalled')")
    catalog.refresh()
    sys.path_importer_cache.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # a user's setting; this project's tests make it an error
        code, out, err = call("list", "models")
    assert code == 0 and "toy-adder" in out
    assert err.count("\n") == 1 and err.startswith("ddtbench: warning: plug-in broken_cli") and "half installed" in err


# ------------------------------------------------------------------------------------------------ data and training


def test_data_prepare_hands_the_path_over(toy, call):
    code, out, _ = call("data", "prepare", "toy-words", "--from", "somewhere")
    assert (code, out) == (0, "prepared: somewhere/prepared\n")
    assert call("data", "prepare", "toy-words")[1] == "prepared: nowhere/prepared\n"


def test_train_hands_everything_over(call, monkeypatch):
    seen = {}
    real = catalog.find

    def trainer(recipe, out, find, **options):
        seen.update(recipe=recipe.name, out=out, find=find, **options)
        return out

    monkeypatch.setattr(catalog, "find", lambda kind, name: trainer if kind == "trainer" else real(kind, name))
    code, out, _ = call("train", "tokenizer", "vqgan", "--out", "there", "--steps", "7", "--threads", "1", "--resume")
    assert (code, out) == (0, "checkpoint: there\n")
    assert callable(seen.pop("find"))
    assert seen == {"recipe": "vqgan", "out": Path("there"), "resume": True, "dry_run": False, "steps": 7, "threads": 1}


# ------------------------------------------------------------------------------------------------ planning


def test_a_glob_is_every_checkpoint_in_natural_order(tmp_path):
    for step in (10, 2, 1):
        (tmp_path / f"step_{step}").mkdir()
    found = expand_model(f"ddt@{tmp_path}/step_*")
    assert found == [f"ddt@{tmp_path}/step_{step}" for step in (1, 2, 10)]
    assert expand_model("ddt@http://[::1]:8000/v1#a") == ["ddt@http://[::1]:8000/v1#a"]
    assert expand_model("ddt") == ["ddt"]


def test_a_glob_in_a_suite_expands_in_place(toy, monkeypatch):
    for step in (1, 2):
        (toy / f"step_{step}").mkdir()
    suite = suite_for("toy", models=["toy-carrier", "toy-adder@step_*"])
    assert suite.models == ("toy-carrier", "toy-adder@step_1", "toy-adder@step_2")


def test_labels_tell_checkpoints_apart():
    address = "http://127.0.0.1:8000/v1"
    assert model_label(f"ddt@{address}#OWNER/tiny#key=MINE", "a" * 64) == "ddt@tiny-aaaaaa"
    assert model_label(f"ddt@{address}#/home/ada/tiny", "a" * 64) == "ddt@tiny-aaaaaa"
    assert model_label("ddt", "ab" * 32) == "ddt"
    assert model_label("ddt@mine/checkpoints/pretrain-050", "a" * 64) == "ddt@mine-pretrain-050-aaaaaa"
    assert model_label("ddt@checkpoints/pretrain-050", "a" * 64) == "ddt@pretrain-050-aaaaaa"
    assert model_label("identity@64", "") == "identity@64"
    first, second = model_label("ddt@a/final", "a" * 64), model_label("ddt@b/final/", "b" * 64)
    assert first == "ddt@final-aaaaaa" and second == "ddt@final-bbbbbb"


def test_models_of_a_task_must_see_the_same_cases(toy):
    runs = plan(suite_for("toy"))
    assert len(runs) == 2
    runs[1].task.count = 39
    with pytest.raises(UserError, match=r"does not ask toy-carrier the same cases as toy-adder"):
        require_same_cases(runs)


def test_the_subject_is_opened_once_for_all_tasks_of_a_model(toy, monkeypatch):
    count = []
    real = catalog.open_model
    monkeypatch.setattr(catalog, "open_model", lambda *words: count.append(words) or real(*words))
    opened.cache_clear()
    suite = SuiteSpec.of("many", ["toy-adder", "toy-carrier"], ["toy-sums@5", "toy-sums@6", "toy-sums@7"])
    plan(suite)
    assert [model for model, _ in count] == ["toy-adder", "toy-carrier"]


def test_a_checkpoint_of_the_toy_kind_can_state_its_own_digest(toy, monkeypatch):
    from toy_bench.models import Adder

    monkeypatch.setattr(Adder, "checkpoint_digest", "f" * 64, raising=False)
    [run] = plan(SuiteSpec.of("one", ["toy-adder@weights/of-mine.bin"], ["toy-sums@5"]))
    assert run.spec.checkpoint == "f" * 64
    assert run.spec.model == "toy-adder@of-mine.bin-ffffff"


def test_weights_that_change_after_planning_are_refused(toy, monkeypatch):
    """A worker opens the subject anew: samples must not be stored under the digest of other weights."""
    from toy_bench.models import Adder

    monkeypatch.setattr(Adder, "checkpoint_digest", "e" * 64, raising=False)
    [run] = plan(SuiteSpec.of("one", ["toy-adder@weights/of-mine.bin"], ["toy-sums@5"]))
    assert run.open_subject().checkpoint_digest == run.spec.checkpoint
    monkeypatch.setattr(Adder, "checkpoint_digest", "f" * 64)
    with pytest.raises(UserError, match="have changed since this run was planned"):
        run.open_subject()


# ------------------------------------------------------------------------------------------------ names that are paths


def test_a_folder_that_exists_is_no_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("runs[1]/step_1", "runs[1]/step_2", "runs1/step_3"):
        (tmp_path / name).mkdir(parents=True)
    assert expand_model(f"ddt@{tmp_path}/runs[1]") == [f"ddt@{tmp_path}/runs[1]"]
    found = expand_model(f"ddt@{tmp_path}/runs[1]/step_*")
    assert found == [f"ddt@{tmp_path}/runs[1]/step_{step}" for step in (1, 2)], "nor is one on the way to a pattern"
    assert expand_model(f"ddt@{tmp_path}/runs[12]/step_*") == [f"ddt@{tmp_path}/runs1/step_3"]
    monkeypatch.chdir(tmp_path)
    assert expand_model("ddt@runs[1]/step_*") == ["ddt@runs[1]/step_1", "ddt@runs[1]/step_2"]
    assert expand_model("ddt@runs*/step_3") == ["ddt@runs1/step_3"]


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "a\0b"])
@pytest.mark.parametrize(
    "words",
    [
        ["run", "{}.toml"],
        ["run", "reconstruction@{}", "--model", "jpeg"],
        ["run", "perplexity@{}", "--model", "ddt-llama"],
        ["run", "fid@{}", "--model", "real"],
        ["run", "geneval@{}", "--model", "image-folder@{}"],
        ["run", "mme@{}", "--model", "vqgan-llama"],
        ["run", "reconstruction@world", "--model", "ddt@{}"],
        ["run", "reconstruction@world", "--model", "jpeg", "--out", "{}"],
        ["report", "{}", "--to", "there"],
        ["measure", "{}"],
        ["data", "prepare", "fashion-mnist", "--from", "{}"],
        ["data", "prepare", "imagenet-val", "--from", "{}"],
        ["data", "prepare", "geneval", "--from", "{}"],
        ["train", "mllm", "{}.toml", "--out", "there"],
        ["train", "tokenizer", "ddt", "--out", "{}", "--dry-run"],
    ],
    ids=" ".join,
)
def test_what_is_no_path_is_one_line(call, tmp_path, monkeypatch, words, path):
    monkeypatch.chdir(tmp_path)
    code, _, said = call(*(word.format(path) for word in words))
    assert code == 2 and "unexpected" not in said
    reasons = ("NUL character", "null byte") if "\0" in path else ("no home folder here",)
    assert any(reason in said for reason in reasons), said
