"""The command line: thin. Every command is a call of ``harness.commands``, which a notebook can make as well.

Nothing heavy is imported here: ``--help`` and ``list`` answer at once.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import Annotated, Any

import typer

from harness.added_commands import CommandGroup, asks_models
from harness.command_line import Address, Debug, Device, Engine, Runs, Suite, said_partial, say
from harness.errors import BrokenPlugin, Exit, UserError
from harness.isolation import OutOfMemory, reason_of
from harness.launch import follows, launched
from harness.redaction import redacted

BATCH_TIMEOUT = 3600.0

app = typer.Typer(
    name="ddtbench",
    help="What does a visual tokenizer buy a multimodal model? Runs, measures and compares tokenizers.",
    rich_markup_mode=None,
    add_completion=False,
    cls=CommandGroup,
)
data = typer.Typer(help="Prepare data sets.", rich_markup_mode=None)
train = typer.Typer(help="Train a checkpoint from a recipe.", rich_markup_mode=None)
app.add_typer(data, name="data")
app.add_typer(train, name="train")


def _version(asked: bool) -> None:
    if asked:
        from harness.environment import package_version

        print(f"ddtbench {package_version('ddtbench')}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("list")
def list_command(
    what: Annotated[
        str, typer.Argument(metavar="KIND", help="models, tasks, metrics ...; without one, the kinds.")
    ] = "",
    ready: Annotated[bool, typer.Option("--ready", help="Only what can be used here now.")] = False,
    debug: Debug = False,
) -> None:
    """List what there is, and whether it is ready here."""
    from harness.listing import list_text

    print(list_text(what, ready))


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of any kind; KIND/NAME where two kinds have it.")],
    debug: Debug = False,
) -> None:
    """Show all about one name of a list.

    What it is, what it needs and where that was looked for, its paper, its licence, and the package it comes from.
    """
    from harness.showing import show_text

    print(show_text(name))


@app.command("new")
def new_command(
    what: Annotated[str, typer.Argument(metavar="task|model|metric|tokenizer", help="What the package adds.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the package and of what it adds: counting-stars.")],
    to: Annotated[str, typer.Option("--to", metavar="FOLDER", help="A new folder; default: NAME, here.")] = "",
    debug: Debug = False,
) -> None:
    """Begin a package of your own that adds a task, a model, a metric or a tokenizer.

    What it writes is complete and runs: change it step by step.
    """
    from harness.skeleton import new_package

    print(new_package(what, name, to))


@app.command("run")
def run_command(
    target: Annotated[str, typer.Argument(metavar="SUITE|TASK|FILE.toml")],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="NAME[@CHECKPOINT]; can be repeated.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--as", metavar="NAME", help="A name for that --model; one for each.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option("--task", "-t", help="NAME[@ARGUMENT]; can be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N cases of each task.")] = None,
    out: Annotated[str, typer.Option(help="Where runs are stored: a path or any fsspec URL.")] = "runs",
    engine: Engine = "local",
    address: Address = "",
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the work; default: the cores at hand, one on a GPU.")
    ] = None,
    batch_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long one batch may take.")
    ] = BATCH_TIMEOUT,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again the cases that failed.")] = False,
    device: Device = "auto",
    seed: Annotated[int | None, typer.Option(help="The seed of every draw.")] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="Every run once per seed: the variance of sampling.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Cases asked at once.")] = None,
    unit_size: Annotated[int | None, typer.Option("--unit-size", help="Cases stored in one file.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each worker.")] = None,
    mixed_environment: Annotated[
        bool, typer.Option("--mixed-environment", help="Resume a run of another environment, and mark it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done and how long it takes.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show at once what would be done, and its disk space.")] = False,
    debug: Debug = False,
) -> int:
    """Run, observe and measure; the same command resumes.

    What is already stored is not asked again.
    """
    from harness import commands

    shared = {"seed": seed, "seeds": _seeds(seeds, seed), "batch": batch, "unit_size": unit_size, "threads": threads}
    suite = commands.suite_for(target, models=model or (), names=names or (), tasks=task or (), limit=limit, **shared)
    if plan:
        outline = commands.outline(suite, out)
        print(outline)
        outline.require_all()
        return 0
    place = commands.resolve_device(device)
    if dry_run:
        rehearsal = commands.dry_run(suite, out, device=place, workers=workers)
        print(rehearsal)
        rehearsal.require_all()
        return 0
    failed: list[str] = []
    commands.run_suite(
        suite,
        out,
        engine=engine,
        address=address,
        workers=workers,
        device=place,
        mixed_environment=mixed_environment,
        batch_timeout=batch_timeout,
        retry_failed=retry_failed,
        failed=failed,
    )
    if follows():
        return Exit.DONE
    print(commands.summary(out, suite.name))
    print(f"\nNext: ddtbench report {out} --to report --suite {suite.name}{commands.left_out(out, suite.name)}")
    return said_partial(failed)


def _seeds(text: str | None, seed: int | None) -> tuple[int, ...] | None:
    """``0,1,2`` as numbers. Raises UserError."""
    if text is None:
        return None
    if seed is not None:
        raise UserError("--seed is one seed and --seeds are several: use one of them")
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) <= 18):
            raise UserError(f"--seeds '{text}': '{word}' is not a seed; write whole numbers with commas, as in 0,1,2")
    return tuple(int(word) for word in words)


@app.command("observe")
def observe_command(
    runs: Runs,
    instrument: Annotated[
        list[str] | None, typer.Option("--instrument", "-i", help="Use this one too; can be repeated.")
    ] = None,
    suite: Suite = None,
    engine: Engine = "local",
    address: Address = "",
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the work; default: the cores at hand, one on a GPU.")
    ] = None,
    device: Device = "auto",
    debug: Debug = False,
) -> int:
    """Make the observations that stored samples lack."""
    from harness import commands

    failed: list[str] = []
    count = commands.observe_runs(
        runs,
        suite=suite,
        instruments=instrument or (),
        device=device,
        engine=engine,
        address=address,
        workers=workers,
        failed=failed,
    )
    print(f"observed {count} runs\n\nNext: ddtbench measure {runs}")
    return said_partial(failed)


@app.command("measure")
def measure_command(
    runs: Runs,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Measure this one too; can be repeated.")] = None,
    suite: Suite = None,
    debug: Debug = False,
) -> int:
    """Measure again what is stored; opens no model."""
    from harness import commands

    failed: list[str] = []
    commands.measure_runs(runs, suite=suite, metrics=metric or (), failed=failed)
    print(commands.summary(runs, suite))
    print(f"\nNext: ddtbench report {runs} --to report")
    return said_partial(failed)


@app.command("prune")
def prune_command(
    runs: Runs,
    suite: Suite = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would free.")] = False,
    debug: Debug = False,
) -> int:
    """Free disk space: drop samples, keep results.

    Scores, estimates and costs stay, marked 'results only': they can be shown, not measured again.
    """
    from harness import commands
    from harness.progress import in_bytes

    failed: list[str] = []
    pruned = commands.prune_runs(runs, suite=suite, dry_run=dry_run, failed=failed)
    for item in pruned:
        if item.files:
            print(f"{item.path}: {in_bytes(item.size)} in {item.files} files")
    freed = in_bytes(sum(item.size for item in pruned))
    count = f"{len(pruned)} run{'s' * (len(pruned) != 1)}"
    print(f"{count}: would free {freed}; nothing was removed" if dry_run else f"{count}: freed {freed}")
    return said_partial(failed)


@app.command("report")
def report_command(
    runs: Runs,
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where the pages, tables and figures go.")],
    suite: Suite = None,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Rank each protocol by itself, marked, instead of refusing.")
    ] = False,
    track: Annotated[
        list[str] | None, typer.Option("--track", help="wandb:PROJECT or mlflow:FOLDER too; can be repeated.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Write pages, tables and figures of stored runs.

    index.html, tables (.md .csv .tex) and figures (.svg .png .pdf).
    """
    from harness import commands

    failed: list[str] = []
    told: list[str] = []
    page = commands.report_runs(
        runs, to, suite=suite, allow_mixed=allow_mixed, tell=failed.append, track=track or (), told=told
    )
    print("\n".join([f"report: {page}{commands.left_out(runs, suite)}", *told]))
    return said_partial(failed)


@app.command("export")
def export_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run: RUNS/MODEL/TASK/KEY.")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="A new folder.")],
    form: Annotated[
        str,
        typer.Option("--as", metavar="FORM", help="One that 'show TASK' names, or png; default: the task's own."),
    ] = "",
    debug: Debug = False,
) -> None:
    """Write a run as the files of another program, or as plain PNG folders."""
    from harness import commands

    print(f"{to}: {commands.export_run(run, to, form)}")


@data.command("prepare")
def prepare_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set that needs preparing; see 'list data'.")],
    source: Annotated[str | None, typer.Option("--from", metavar="PATH", help="Where its files are.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download them if they are not here.")] = False,
    debug: Debug = False,
) -> None:
    """Convert a data set once, after checking its files."""
    from harness import commands

    print(f"prepared: {commands.prepare_data(name, source, fetch=fetch)}")


@data.command("statistics")
def statistics_command(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Pictures of any size, sub-folders included.")],
    to: Annotated[str, typer.Option("--to", metavar="FILE.npz", help="The file to write.")],
    protocol: Annotated[
        str, typer.Option(metavar="P", help="clean, adm, legacy-pytorch ..., or inception@FILE of other weights.")
    ] = "adm",
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Write a folder's FID statistics, as clean-fid, pytorch-fid and ADM read them."""
    from harness import commands
    from harness.folder_statistics import write_folder_statistics

    print(f"written: {write_folder_statistics(folder, protocol, to, device=commands.resolve_device(device))}")


@train.command("tokenizer")
def train_tokenizer_command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A name from 'list recipes', or FILE.toml.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the checkpoint and the log go.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Time a few steps and write nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in DIR.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    tensorboard: Annotated[
        str, typer.Option("--tensorboard", metavar="FOLDER", help="Write the log's values there as well.")
    ] = "",
    debug: Debug = False,
) -> None:
    """Train a tokenizer: safetensors, a card and a log of the losses in DIR."""
    from harness import commands

    folder = commands.train_tokenizer(
        recipe, out, dry_run=dry_run, resume=resume, steps=steps, threads=threads, tensorboard=tensorboard
    )
    if not dry_run:
        print(f"checkpoint: {folder}")


@train.command("all")
def train_all_command(
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="One folder per recipe goes here.")] = "zoo",
    plan: Annotated[bool, typer.Option("--plan", help="Only show what there is to do, in order, with times.")] = False,
    debug: Debug = False,
) -> None:
    """Make every checkpoint of the zoo that DIR lacks, in order; the same command resumes."""
    from harness import commands, zoo
    from harness.paths import user_path

    if plan:
        print(zoo.plan_text(user_path(out)))
        return
    zoo.train_all(user_path(out), {"tokenizer": commands.train_tokenizer, "mllm": commands.train_mllm})


@train.command("mllm")
def train_mllm_command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A name from 'list recipes', or FILE.toml.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the model, its checkpoints and the log go.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Time a few steps and train nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in DIR.")] = False,
    tensorboard: Annotated[
        str, typer.Option("--tensorboard", metavar="FOLDER", help="Write the log's values there as well.")
    ] = "",
    debug: Debug = False,
) -> None:
    """Train a language model that speaks an image tokenizer's codes.

    Several processes share a training when this is started by torchrun or accelerate launch.
    """
    from harness import commands

    folder = commands.train_mllm(recipe, out, dry_run=dry_run, resume=resume, tensorboard=tensorboard)
    if not dry_run:
        print(f"checkpoint: {folder}")


def _explain(error: BaseException) -> tuple[str, int]:
    """(the line for the user, the exit code)."""
    if isinstance(error, OutOfMemory):
        return str(error), Exit.IN_PART
    if isinstance(error, UserError):
        return str(error), Exit.BAD_INPUT
    if isinstance(error, typer.TyperException):
        return f"{error.format_message()} (see 'ddtbench --help')", Exit.BAD_INPUT
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'no file named'}", Exit.BAD_INPUT
    return f"unexpected {reason_of(error)}; add --debug for the traceback", Exit.DEFECT


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    if issubclass(category, BrokenPlugin):
        say(f"warning: {message}")
    else:
        _default_show_warning(message, category, *place, **more)


_default_show_warning = warnings.showwarning


def main(arguments: list[str] | None = None) -> None:
    """The entry point; it exits with one of ``harness.errors.Exit``, and one line says what was wrong.

    A command line of its own computes ``run``, and commands that ask models as it does, in a child (``harness.watch``);
    a call with ``arguments``, from Python, does so in this process.
    """
    warnings.showwarning = _show_warning
    if arguments is not None:
        sys.exit(_main(arguments))
    from harness.allocation import keep_freed_memory
    from harness.terminal import make_lenient

    make_lenient()
    keep_freed_memory()
    words = sys.argv[1:]
    if words and (words[0] == "run" or asks_models(words[0])) and launched() == 1:  # a launcher watches by itself
        from harness.watch import watched

        sys.exit(watched(lambda: _main(words), say))
    sys.exit(_main(words))


def _main(words: list[str]) -> int:
    try:
        code = app(args=words or ["--help"], prog_name="ddtbench", standalone_mode=False)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BaseException as error:  # the border to the user: one line, and the traceback only for those who ask
        if "--debug" in words:
            traceback.print_exc()
        line, code = _explain(error)
        say(redacted(line))
    if code == Exit.INTERRUPTED:
        say("interrupted; what is finished is kept, and the same command continues from there (training: --resume)")
    return code if isinstance(code, int) else Exit.DONE


if __name__ == "__main__":
    main()
