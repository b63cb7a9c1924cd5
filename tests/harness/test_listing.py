"""``ddtbench list`` and ``show``: a table that fits a terminal, and all about one name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plugin_packages import write_plugin

from harness import catalog
from harness.listing import PLURALS, cut
from harness.readiness import YES, readiness

pytestmark = pytest.mark.filterwarnings("always::harness.errors.BrokenPlugin")

ODD = """
from harness.contracts import InstrumentEntry, MetricEntry, ModelEntry

ENTRIES = (
    ModelEntry("odd-gone", "no_such_module:open_it", "a model whose module is not there", provides=("Sings",)),
    ModelEntry("odd-raises", "odd_raises:open_it", "a model whose module raises", licence="MIT"),
    MetricEntry("odd-gone", "no_such_module:measure", "a metric of the same name"),
    InstrumentEntry("odd-eye", "no_such_module:look", "an eye", weights=("no_such_module:WEIGHTS",)),
)
"""


@pytest.fixture
def odd(toy, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose places do not import."""
    site: Path = toy / "site"
    write_plugin(site, "odd", ODD)
    (site / "odd_raises.py").write_text("raise RuntimeError('out of order')\n")
    catalog.refresh()
    return site


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("kind", ["", *PLURALS])
def test_a_list_is_a_table_as_wide_as_the_terminal(call, kind: str, columns: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = call("list", *([kind] if kind else []))
    lines = out.splitlines()
    assert (code, err) == (0, "") and max(map(len, lines)) <= columns
    head, rows = lines[0], [line for line in lines[1:-2] if not line.startswith(" ")]
    if not kind:
        assert [row.split()[0] for row in rows] == list(PLURALS)
        counts = {kind: len(catalog.entries(one)) for kind, one in PLURALS.items()}
        assert {row.split()[0]: int(row.split()[-1]) for row in rows} == counts
        return
    assert re.fullmatch(r"NAME +WHAT IT IS +READY\?", head)
    assert [row.split()[0] for row in rows] == [entry.name for entry in catalog.entries(PLURALS[kind])]
    last = head.index("READY?")
    words = {row.split()[0]: row[last:] for row in rows}
    assert all(row[last - 1] == " " and row[last] != " " for row in rows)
    assert words == {entry.name: readiness(entry) for entry in catalog.entries(PLURALS[kind])}
    assert lines[-1].startswith(f"{list(words.values()).count(YES)} of {len(words)} are ready here")


def test_only_what_is_ready_here_is_listed_when_that_is_asked(call, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    _, out, _ = call("list", "models", "--ready")
    names = [line.split()[0] for line in out.splitlines()[1:-2]]
    assert names == [entry.name for entry in catalog.entries("model") if readiness(entry) == YES]
    assert "vqgan" in names and "janus" not in names
    assert "clip-vit-b32" not in call("list", "instruments", "--ready")[1]


def test_the_hubs_cache_makes_an_instrument_ready_and_the_list_says_where_it_was_found(
    call, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    looked = "  looked in $DDTBENCH_DINO_VITS16 (not set), backbones/dino-vits16 in $DDTBENCH_DATA, the hub's cache\n"
    assert looked in call("list", "instruments")[1]
    snapshot = tmp_path / "hub" / "models--facebook--dino-vits16" / "snapshots" / "abc"
    (snapshot.parents[1] / "refs").mkdir(parents=True)
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).write_text("{}")
    out = call("list", "instruments", "--ready")[1]
    assert re.search(r"\ndino-vits16 .* yes\n  found in the hub's cache\n", out)
    assert re.search(r"\n +the hub's cache +here\n", call("show", "dino-vits16")[1])


def test_of_a_metric_that_reads_an_instrument_the_list_knows_that_it_lacks_weights() -> None:
    """What the entry says is what the metric reads."""
    closed = {entry.name for entry in catalog.entries("instrument") if entry.weights}
    for entry in catalog.entries("metric"):
        if entry.needs:
            assert readiness(entry) == f"needs @{entry.needs[0]}"
        elif entry.place.startswith(("harness.", "tasks.")):
            read = {need.rpartition(".")[0] for need in catalog.make("metric", entry.name).needs} & closed
            assert set(entry.reads) == read, entry.name


@pytest.mark.parametrize("columns", [80, 120])
def test_all_about_every_entry_fits_a_terminal(call, columns: int, monkeypatch, capsys) -> None:
    from harness.showing import show_text

    monkeypatch.setenv("COLUMNS", str(columns))
    for entry in catalog.entries():
        if entry.place.startswith(("harness.", "tasks.", "baselines.", "ddt_llama.", "zoo/")):
            text = show_text(f"{entry.kind}/{entry.name}")
            assert text.startswith(f"{entry.name} ({entry.kind})\n") and "cannot be" not in text
            assert max(map(len, text.splitlines())) <= columns, text
            assert entry.place in text and "package    ddtbench (" in text
            assert not entry.paper or "\n  paper " in text


def test_a_task_is_shown_with_what_it_examines_its_metrics_and_its_data(call) -> None:
    code, out, _ = call("show", "task/editing")
    flat = " ".join(out.split())
    assert code == 0 and "examines EditsImages: copy-source, ddt-llama" in flat
    assert "metrics edit-success, edit-exact" in flat and "looks with pixels, world-features" in flat
    assert "data magicbrush (missing: ddtbench data prepare magicbrush --from PATH)" in flat
    assert "licence world: MIT (ours)" in flat and "paper Zhang et al. 2023" in flat


def test_a_name_of_two_kinds_shows_both_and_one_of_them_can_be_picked(call) -> None:
    both, one = call("show", "vqgan")[1], call("show", "models/vqgan")[1]
    assert "vqgan (model)\n" in both and "\n\nvqgan (recipe)\n" in both
    assert one.startswith("vqgan (model)\n") and "(recipe)" not in one and one.rstrip() in both


def test_weights_of_ones_own_are_looked_for_by_their_path(call, tmp_path) -> None:
    out = " ".join(call("show", f"instrument/lpips@{tmp_path}")[1].split())
    assert "holds no alexnet-owt-7be5be79.pth: it must be" in out and "looked in @PATH not here" in out
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes(b"")
    assert "looked in @PATH here" in " ".join(call("show", f"instrument/lpips@{tmp_path}")[1].split())


def test_an_unknown_name_is_one_line_with_the_nearest(call) -> None:
    assert call("show", "vqgam") == (2, "", "ddtbench: nothing is called 'vqgam'; did you mean 'vqgan'?\n")
    assert call("show", "xyzzyx")[2] == "ddtbench: nothing is called 'xyzzyx'; ddtbench list says what there is\n"
    assert call("show", "tasks/vqgan")[0] == 2


def test_what_does_not_import_is_listed_and_shown_with_the_reason_in_one_line(odd, call) -> None:
    code, out, err = call("list", "models")
    assert (code, err) == (0, "") and "odd-gone" in out and "odd-raises" in out
    assert re.search(r"odd-eye +an eye +cannot tell", call("list", "instruments")[1])
    code, out, err = call("show", "model/odd-gone")
    assert (code, err) == (0, "")
    assert (
        "\n  ready      no: cannot be loaded from no_such_module:open_it: No module named 'no_such_module': mend or"
        in out
    )
    assert "provides   Sings" in out and "package    odd (odd_catalog:ENTRIES)" in out
    out = call("show", "odd-raises")[1]
    assert (
        "no: cannot be loaded from odd_raises:open_it: RuntimeError: out of order: mend or remove that package\n" in out
        and "MIT" in out
    )
    code, _, err = call("run", "toy", "-m", "odd-gone")
    assert code == 2 and "model 'odd-gone' of odd (odd_catalog:ENTRIES) cannot be loaded from" in err
    assert call("run", "toy", "-m", "toy-carrier", "--limit", "2")[0] == 0


def test_two_entries_of_one_name_are_a_warning_and_everything_else_is_listed_and_run(toy, call) -> None:
    twin = "from harness.contracts import ModelEntry\nENTRIES = (ModelEntry('twin', 'm:a', 'x'),)"
    for name in ("twin_a", "twin_b"):
        write_plugin(toy / "site", name, twin)
    catalog.refresh()
    line = "model 'twin' is registered twice, by twin_a (twin_a_catalog:ENTRIES) and by twin_b (twin_b_catalog:ENTRIES)"
    cure = "remove one of these packages"
    code, out, err = call("list", "models")
    assert code == 0 and "vqgan" in out and "toy-adder" in out and "twin" not in out
    assert err == f"ddtbench: warning: {line}: {cure}; neither is listed\n"
    assert call("run", "toy", "--limit", "2")[0] == 0
    for words in (("run", "toy", "-m", "twin"), ("show", "twin")):
        code, _, err = call(*words)
        assert code == 2 and err == f"ddtbench: {line}: {cure}\n"


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("short", 9, "short"), ("one two three", 12, "one two..."), ("abcdefghijkl", 8, "abcde...")],
)
def test_a_phrase_is_cut_at_a_word(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown and len(shown) <= most
