"""``ddtbench regress`` and ``ddtbench gate``: judge what is stored, and run and judge in one command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.command_line import Debug, Device
from harness.errors import Exit, UserError

if TYPE_CHECKING:
    from reports.gating.judge import Judgement

POLICY_HELP = "A TOML file of metrics, margins in their own unit, and tiers; default: as the metrics say."
Policy = Annotated[str, typer.Option("--policy", metavar="FILE", help=POLICY_HELP)]
Undecided = Annotated[str, typer.Option(metavar="pass|fail", help="What 'cannot tell' and 'missing' are to CI.")]
Junit = Annotated[str, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")]
Markdown = Annotated[str, typer.Option("--markdown", metavar="FILE", help="Write Markdown, for a pull request.")]
Json = Annotated[str, typer.Option("--json", metavar="FILE", help="Write JSON.")]


def regress(
    new: Annotated[str, typer.Argument(metavar="NEW", help="Run folders, a file of per-case results, or a baseline.")],
    against: Annotated[str, typer.Option("--against", metavar="OLD", help="The same kinds; what NEW is judged by.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Of several models in NEW, this one.")] = "",
    against_model: Annotated[str, typer.Option("--against-model", help="Of several models in OLD, this one.")] = "",
    policy: Policy = "",
    undecided: Undecided = "fail",
    junit: Junit = "",
    markdown: Markdown = "",
    json: Json = "",
    debug: Debug = False,
) -> int:
    """Is a stored run worse than another? For CI.

    NEW and OLD: a root of run folders, one run folder, a saved baseline, samples of lm-eval or lmms-eval, or a table
    (csv, jsonl, parquet) with the columns case, metric, value. Exit codes: 0 holds, 1 regressed, 2 bad input or not
    comparable, 3 cannot tell.
    """
    from reports.gating.judge import judge_sides
    from reports.gating.sides import read_side

    lenient = _undecided(undecided)
    asked = _policy(policy)
    ours = read_side(new, model, "--model")
    theirs = read_side(against, against_model, "--against-model", otherwise=model)
    judgement = judge_sides(ours, theirs, asked)
    return told(judgement, lenient, junit, markdown, json)


def gate(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="NAME[@CHECKPOINT], as --model of 'run'.")],
    against: Annotated[
        str, typer.Option("--against", metavar="BASELINE", help="A saved baseline, run folders, or a model to run.")
    ],
    suite: Annotated[
        str, typer.Option("--suite", help="What is asked of both: a suite, a task or a TOML file.")
    ] = "gate",
    limit: Annotated[int | None, typer.Option(help="Only the first N cases of each task.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of every draw.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what each metric can decide with so many cases.")] = False,
    policy: Policy = "",
    undecided: Undecided = "fail",
    junit: Junit = "",
    markdown: Markdown = "",
    json: Json = "",
    out: Annotated[str, typer.Option(help="Where runs are stored: a path or any fsspec URL.")] = "runs",
    workers: Annotated[int | None, typer.Option(help="Processes that share the work; default: the cores.")] = None,
    device: Device = "auto",
    debug: Debug = False,
) -> int:
    """Run a checkpoint and a baseline, and judge it.

    What is already stored is not asked again. Exit codes: 0 holds, 1 regressed, 2 bad input or not comparable, 3 cannot
    tell, 4 a run failed in part.
    """
    from harness.commands import resolve_device
    from reports.gating.gate import Asked, judged, planned

    lenient = _undecided(undecided)
    asked = Asked(checkpoint, against, suite, limit, seed, out, workers, resolve_device(device))
    if plan:
        print(planned(asked, _policy(policy)))
        return Exit.DONE
    judgement, failed = judged(asked, _policy(policy))
    code = told(judgement, lenient, junit, markdown, json)
    from harness.command_line import said_partial

    partly = said_partial(failed)
    return code if code == Exit.REGRESSION else partly or code


def _undecided(word: str) -> bool:
    """Whether it passes."""
    if word not in ("pass", "fail"):
        raise UserError(f"--undecided is pass or fail, not '{word}'")
    return word == "pass"


def _policy(file: str):  # type: ignore[no-untyped-def]
    from harness.paths import user_path
    from reports.gating.policy import Policy, read_policy

    return read_policy(user_path(file)) if file else Policy()


def told(judgement: Judgement, undecided_passes: bool, junit: str = "", markdown: str = "", json: str = "") -> int:
    """Print a judgement, write the files that are asked for, and return the exit code."""
    from harness.listing import width
    from reports.gating import formats

    writers: tuple[tuple[str, Callable[[], str]], ...] = (
        (junit, lambda: formats.to_junit(judgement, undecided_passes)),
        (markdown, lambda: formats.to_markdown(judgement)),
        (json, lambda: formats.to_json(judgement)),
    )
    for file, write in writers:
        if file:
            _write(file, write())
    print(formats.to_text(judgement, width()))
    if judgement.verdict == "cannot tell" and undecided_passes:
        print("passes all the same: --undecided pass")
    return exit_code(judgement.verdict, undecided_passes)


def exit_code(verdict: Literal["holds", "regressed", "cannot tell", "missing"], undecided_passes: bool = False) -> int:
    """The exit code of a gate's verdict."""
    if verdict == "regressed":
        return Exit.REGRESSION
    return Exit.DONE if verdict == "holds" or undecided_passes else Exit.CANNOT_TELL


def _write(file: str, text: str) -> None:
    from harness.paths import user_path

    path = user_path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
