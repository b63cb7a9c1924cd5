"""How a run is shown is stored with it: whole, only what differs, read by older and newer versions; and a report of
copied folders needs no package that made them."""

from __future__ import annotations

import shutil

import pytest
from plugin_packages import write_plugin

from harness import catalog
from harness.contracts import ShownMetric, ShownModel, ShownSeries, ShownTask
from harness.display import SHOWING, metric_shown, read_shown, written
from harness.store.run_folder import find_run_folders
from reports.page.samples import sheets_of
from reports.reading.runs import read_stored
from reports.tables.headline import headline_tasks

SERIES = ShownSeries("t", "x", (("a", "A"),), "psnr", "PSNR", "dB", "c", "g", share=True)


@pytest.mark.parametrize(
    "shown",
    [
        ShownTask("sums", ("exact",), order=3, asked=("{a}",), pictures=(("before", "source"),), series=SERIES),
        ShownTask("sums", series=SERIES, further=(SERIES, ShownSeries("t", "x", (), "m", "M", "", "c", "g", over="o"))),
        ShownTask(),
        ShownMetric("PSNR", margin=0.1, margin_reason="a step of JPEG", tier="blocks"),
        ShownModel("DDT", family="DDT", role="floor", colour="#0077bb"),
    ],
)
def test_what_is_written_is_read_and_defaults_are_not_written(shown):
    import json

    stored = json.loads(json.dumps(written(shown)))
    assert read_shown(type(shown), stored) == shown
    assert (stored == {}) == (shown == type(shown)())


def test_what_another_version_wrote_is_read_as_far_as_it_is_known():
    stored = {"title": "sums", "colour of the moon": 3, "headline": "exact", "order": "first", "series": {"title": "t"}}
    assert read_shown(ShownTask, stored) == ShownTask("sums")
    assert read_shown(ShownTask, ["nonsense"]) == ShownTask()


def test_a_metric_of_features_names_them_and_an_unknown_one_is_shown_by_its_name():
    assert metric_shown("fid@clean", "fid@clean").label == "FID (clean)"
    assert metric_shown("psnr", "psnr").meaning == catalog.lookup("metric", "psnr").summary
    assert metric_shown("no-such_metric@x", "no-such_metric@x") == ShownMetric("no such metric (x)")


def test_a_copied_run_is_reported_where_its_package_is_not_installed(toy, call, monkeypatch):
    assert call("run", "toy", "--out", "runs")[0] == 0
    shutil.copytree("runs", "elsewhere/runs")
    monkeypatch.undo()  # the package is no longer on the path
    catalog.refresh()
    assert not any(entry.name.startswith("toy-") for entry in catalog.entries("task"))
    stored = read_stored(str(toy / "elsewhere" / "runs"))
    assert {run.label for run in stored.runs} == {"toy-adder", "toy-carrier"}
    [(shown, task)] = headline_tasks(stored)
    assert (shown.title, shown.headline, task) == ("sums", ("toy-exact",), "toy-sums-40")
    assert {run.metric("toy-exact").meaning for run in stored.runs} == {"share of exact answers"}
    assert {run.shown_model.colour for run in stored.runs} == {"", "#0077bb"}
    [sheet] = sheets_of(stored)
    assert sheet.lines[0].asked == ("0 + 0",)
    answers = [answer for line in sheet.lines for answer in line.answers]
    assert {answer.lines[-1].mark for answer in answers} >= {"right"}
    assert any(
        answer.lines[0].text == "\N{LEFT DOUBLE QUOTATION MARK}0\N{RIGHT DOUBLE QUOTATION MARK}" for answer in answers
    )
    assert call("report", toy / "elsewhere" / "runs", "--to", toy / "report")[0] == 0
    page = "".join(path.read_text(encoding="utf-8") for path in sorted((toy / "report").rglob("*.html")))
    assert "share of exact answers" in page and "0 + 0" in page


def test_a_run_of_before_is_shown_by_its_names(toy, call):
    assert call("run", "toy", "--out", "runs")[0] == 0
    for folder in find_run_folders("runs"):
        folder.write_manifest(**{SHOWING: {}})
    stored = read_stored("runs")
    assert {run.label for run in stored.runs} == {"toy-adder", "toy-carrier"}
    assert headline_tasks(stored) == [] and sheets_of(stored) == []
    assert stored.runs[0].metric("toy-exact").label == "toy exact"
    assert call("measure", "runs")[0] == 0, "which adds what the catalogue knows"
    assert [shown.title for shown, _ in headline_tasks(read_stored("runs"))] == ["sums"]


@pytest.mark.parametrize(
    ("shown", "what"),
    [("ShownTask('sums', ('toy-none',))", "headline"), ("ShownTask('sums', verdict='toy-none')", "verdict")],
)
def test_a_task_headed_by_what_it_does_not_measure_is_named_and_others_run(toy, call, shown, what):
    source = (
        "from harness.contracts import ShownTask, TaskEntry\n"
        f"ENTRIES = (TaskEntry('odd-sums', 'toy_bench.sums:build', 'x', shown={shown}),)\n"
    )
    write_plugin(toy / "site", f"odd_{what}", source)
    catalog.refresh()
    code, _, said = call("run", "odd-sums@4", "--model", "toy-adder", "--out", "runs")
    owner = f"odd_{what} (odd_{what}_catalog:ENTRIES)"
    assert code == 2 and f"task 'odd-sums' of {owner} names 'toy-none' as its {what}" in said
    assert len(said.strip().splitlines()) == 1 and "add it to the task's metrics" in said
    assert call("run", "toy-sums@4", "--model", "toy-adder", "--out", "runs")[0] == 0


def test_a_margin_is_the_larger_of_a_floor_and_a_share_of_the_value():
    shown = ShownMetric("KID", margin=0.002, margin_relative=0.05)
    assert shown.margin_at(0.01) == 0.002
    assert shown.margin_at(-0.1) == pytest.approx(0.005)
    assert ShownMetric("KID").margin_at(7.0) == 0.0


def test_every_metric_that_is_gated_states_a_margin_and_why():
    gated = [entry for entry in catalog.entries("metric") if entry.shown.tier]
    assert {"blocks", "warns"} == {entry.shown.tier for entry in gated}
    for entry in catalog.entries("metric"):
        stated = bool(entry.shown.margin or entry.shown.margin_relative)
        assert stated == bool(entry.shown.margin_reason), entry.name
        assert stated or not entry.shown.tier, entry.name


def test_show_says_the_margin_and_the_tier_of_a_metric(call):
    out = call("show", "kid-efficientnet-lite0")[1]
    assert "5 % of the value, at least 0.002: the floor is what" in " ".join(out.split())
    assert "blocks" in out
