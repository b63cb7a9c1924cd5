"""What the catalogue cites is there, once, and a run stores what it used of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import catalog
from harness.catalog import KINDS
from harness.citations import ARXIV, Reference, files, found, known, merged, parsed, stated
from harness.cli import main
from harness.commands import measure_runs, run_suite
from harness.contracts import CatalogueEntry
from harness.display import SHOWING
from harness.errors import BrokenPlugin, UserError
from harness.store.run_folder import RunFolder, find_run_folders
from harness.texts import read_text
from reports.page.build import build_report
from reports.page.citations import bibliography
from reports.reading.runs import read_stored

SMALL = "@misc{a2020b,\n  author = {A {de} B and C D},\n  title = {On\n    Two},\n  year = {2020},\n}\n"
ROOT = Path(__file__).parents[2]
OURS = ("baselines", "ddt_llama", "harness", "tasks")


def lines() -> list[CatalogueEntry]:
    return [entry for kind in KINDS for entry in catalog.entries(kind)]


def test_every_package_of_ours_has_its_references() -> None:
    assert {path.parent for path in files()} >= {ROOT / name for name in OURS}


@pytest.mark.parametrize("package", OURS)
def test_a_file_is_as_the_one_spelling_has_it(package: str) -> None:
    """So that it parses, no key is there twice, and a reference that a run stores is what the file says."""
    path = ROOT / package / "references.bib"
    head, _, body = read_text(path).partition("\n\n")
    assert head.startswith("%")
    assert body == "\n\n".join(entry.bibtex() for entry in parsed(body, str(path))) + "\n"


def test_no_reference_is_written_twice_and_each_is_cited() -> None:
    written = [entry for path in files() if path.parent.parent == ROOT for entry in parsed(read_text(path), str(path))]
    keys, papers = [entry.key for entry in written], [entry.field("eprint") for entry in written]
    assert len(set(keys)) == len(keys)
    assert len(set(filter(None, papers))) == len(list(filter(None, papers)))
    entries = known()
    cited = {reference.key for line in lines() for text in stated(line) if (reference := found(text, entries))}
    assert set(keys) <= cited


def test_what_a_line_cites_is_there() -> None:
    entries = known()
    papers = {entry.field("eprint") for entry in entries.values()}
    for line in lines():
        for citation in stated(line):
            there = citation.removeprefix(ARXIV) in papers if citation.startswith(ARXIV) else citation in entries
            assert there, f"{line.kind} {line.name} cites {citation}, which no references.bib has"
        assert len(re.findall(r"\d{4}\.\d{5}", line.paper)) <= len(stated(line)), "no arXiv id is overlooked"


@pytest.mark.parametrize("entry", known().values(), ids=lambda entry: entry.key)
def test_a_reference_says_who_and_what_and_is_of_the_year_of_its_paper(entry: Reference) -> None:
    assert entry.field("title") and (entry.field("author") or entry.field("url"))
    if number := entry.field("eprint"):
        assert entry.field("year") == f"20{number[:2]}" and entry.field("archivePrefix") == "arXiv"


def test_a_small_file_is_read() -> None:
    (entry,) = parsed(f"% a remark\n\n{SMALL}", "here")
    assert entry.kind == "misc" and entry.field("Author") == "A {de} B and C D" and entry.field("title") == "On Two"
    assert entry.words() == "A {de} B and C D 2020, On Two" and parsed(entry.bibtex(), "here") == [entry]
    assert parsed("", "here") == parsed("% nothing", "here") == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("words", "line 1: an entry begins with"),
        ("@misc{a,\n title = 3\n}", "line 1: 'a' is not a list of name"),
        ('@misc{a, title = "x"}', "is not a list of name"),
        ("@misc{a, title = {x} year = {2020}}", "is not a list of name"),
        ("@misc{a, title = {x}\n\n", "is not a list of name"),
        ("@misc{a, title = {x", "a brace is not closed"),
        ("@misc{a, title = {x}, Title = {y}}", "the field 'Title' twice"),
        (f"{SMALL}\n{SMALL}", "line 8: the key 'a2020b' is there twice"),
    ],
)
def test_what_is_no_bibtex_is_refused_with_its_line(text: str, what: str) -> None:
    with pytest.raises(UserError, match=re.escape(what)) as refused:
        parsed(text, "refs.bib")
    assert str(refused.value).startswith("refs.bib, line ")


def test_a_paper_that_no_file_has_is_its_id_and_an_unknown_key_is_nothing() -> None:
    bare = found("arXiv:1234.56789", {})
    assert bare is not None and bare.bibtex() == (
        "@misc{arxiv1234.56789,\n  eprint = {1234.56789},\n  archivePrefix = {arXiv},\n}"
    )
    assert found("nobody2020", {}) is None


def test_a_broken_file_of_a_plug_in_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.bib").write_text("@misc{")
    (tmp_path / "other.bib").write_text("@misc{wang2004ssim, title = {Another}}")
    ours = next(path for path in files() if path.parent.name == "harness")
    places = [tmp_path / "broken.bib", ours, tmp_path / "other.bib"]
    monkeypatch.setattr("harness.citations.files", lambda: iter(places))
    with pytest.warns(BrokenPlugin) as warned:
        entries = known()
    assert entries["wang2004ssim"].field("year") == "2004"
    assert [str(item.message)[:24] for item in warned] == ["references are left out:", "'wang2004ssim' is one re"]


# ------------------------------------------------------------------------------------------------ of runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that cites nothing, on a task that does. Read only."""
    out = str(tmp_path_factory.mktemp("cited") / "runs")
    run_suite("reconstruction@world", out, models=["mean-colour"], limit=8)
    return out


def stored(out: str) -> dict[str, dict[str, object]]:
    (folder,) = find_run_folders(out)
    references: dict[str, dict[str, object]] = folder.manifest()[SHOWING]["references"]
    return references


def test_a_run_stores_what_it_used_and_nothing_else(runs: str) -> None:
    references = stored(runs)
    assert "metric ssim" in references["wang2004ssim"]["by"]  # type: ignore[operator]
    assert "task reconstruction" in references["tian2024var"]["by"]  # type: ignore[operator]
    assert "xiao2017fashion" not in references, "the task can read it, and this run did not"
    lpips = next(item for item in read_stored(runs).runs[0].estimates if item.metric == "lpips")
    assert lpips.value is None and "zhang2018lpips" not in references, "what was not measured is not cited"
    known_ones = known()
    assert all(item["bibtex"] == known_ones[key].bibtex() for key, item in references.items())


def test_measuring_again_changes_nothing_and_tells_it_of_a_run_of_before(runs: str, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(runs, out := str(tmp_path / "runs"))
    (folder,) = find_run_folders(out)
    before = (Path(folder.path) / "manifest.json").read_bytes()
    measure_runs(out)
    assert (Path(folder.path) / "manifest.json").read_bytes() == before
    told = {key: value for key, value in folder.manifest()[SHOWING].items() if key != "references"}
    folder.write_manifest(**{SHOWING: told})
    assert bibliography(read_stored(out).runs).silent
    measure_runs(out)
    assert set(stored(out)) == set(stored(runs))
    assert RunFolder.open(folder.path).key == folder.key


def test_the_front_page_has_one_box_and_a_file(runs: str, tmp_path: Path) -> None:
    page = build_report(runs, tmp_path / "report")
    text = (tmp_path / "report/references.bib").read_text(encoding="utf-8")
    cited = parsed(text, "references.bib")
    assert [entry.key for entry in cited] == sorted(stored(runs))
    shown = page.read_text(encoding="utf-8")
    assert shown.count('class="bibtex"') == 1 and "@misc{tian2024var," in shown and 'href="references.bib"' in shown
    assert "stored before runs said" not in shown


def test_a_report_says_which_runs_tell_nothing_and_takes_no_nonsense(runs: str, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(runs, out := str(tmp_path / "runs"))
    (folder,) = find_run_folders(out)
    shown = folder.manifest()[SHOWING]
    nonsense = {"a": 3, "b": {"bibtex": "@misc{"}, "c": {"bibtex": "@misc{x, title = {<b>}}", "by": "@misc{y}"}}
    folder.write_manifest(**{SHOWING: {**shown, "references": nonsense}})
    page = build_report(out, tmp_path / "report").read_text(encoding="utf-8")
    assert "title = {&lt;b&gt;}" in page and "<b>}" not in page
    folder.write_manifest(**{SHOWING: {key: value for key, value in shown.items() if key != "references"}})
    page = build_report(out, tmp_path / "report").read_text(encoding="utf-8")
    assert "1 run of mean colour: stored before runs said what they cite" in page
    assert not (tmp_path / "report/references.bib").exists()


def test_two_references_of_one_key_are_both_there(runs: str) -> None:
    from dataclasses import replace

    (run,) = read_stored(runs).runs
    assert run.references
    first = run.references[0]
    other = replace(first, reference=replace(first.reference, fields=(("title", "Another"),)), by=("model x",))
    both = bibliography([run, replace(run, references=(other,))])
    keys = [reference.key for reference, _ in both.entries]
    assert f"{first.reference.key}-2" in keys and len(keys) == len(run.references) + 1


def test_merging_keeps_who_cites() -> None:
    one = {"k": {"bibtex": "old", "by": ["model a"]}}
    two = {"k": {"bibtex": "new", "by": ["model a", "task b"]}}
    assert merged(one, two) == {"k": {"bibtex": "new", "by": ["model a", "task b"]}}


def test_show_tells_the_references(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", "metric/ssim"])
    said = " ".join(capsys.readouterr().out.split())
    assert "cites Zhou Wang et al. 2004, Image Quality Assessment" in said
