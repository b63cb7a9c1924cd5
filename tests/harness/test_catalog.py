"""The catalogue: lazy, complete, open to other packages, and not to be taken down by one of them."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest
from plugin_packages import TOY, install, write_plugin

from harness import catalog
from harness.errors import BrokenPlugin, UserError

ENTRY = "from harness.contracts import Entry\n"


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder on the path where packages can be installed; call it to make the catalogue see them."""
    target = tmp_path / "site"
    target.mkdir()
    before = set(sys.modules)

    def see():
        monkeypatch.syspath_prepend(str(target))
        catalog.refresh()

    see.target = target
    yield see
    catalog.refresh()
    for name in set(sys.modules) - before:
        if name.startswith(("toy_bench", "broken_", "twin_", "other_")):
            del sys.modules[name]


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from harness import catalog; from harness.listing import list_text\n"
        "[list_text(kind) for kind in ('models', 'tasks', 'suites', 'metrics', 'instruments', 'data', 'recipes')]\n"
        "print(*sorted({'torch', 'pandas', 'pyarrow', 'numpy', 'transformers', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert done.stderr == ""


def test_importing_harness_alone_imports_none_of_its_modules():
    code = "import sys, harness; print(*sorted(name for name in sys.modules if name.startswith('harness.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_is_there_and_no_stage_module_hides_one():
    import harness
    import harness.measure
    import harness.observe
    import harness.run

    for name in harness.__all__:
        assert type(getattr(harness, name)).__name__ in {"function", "type"}, name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = harness.nonsense


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_entry_can_be_loaded(entry):
    assert entry.summary
    assert catalog.find(entry.kind, entry.name) is not None
    assert callable(catalog.find(entry.kind, entry.name)) or entry.place.endswith(".toml") or entry.kind == "recipe"


def test_our_packages_are_read_without_a_warning():
    catalog.refresh()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kinds = {entry.kind for entry in catalog.entries()}
    assert {"model", "task", "suite", "metric", "instrument", "data", "recipe", "trainer"} <= kinds


def test_reporters_are_there():
    assert callable(catalog.reporter("summary")) and callable(catalog.reporter("page"))
    with pytest.raises(UserError, match="makes a 'song' of runs"):
        catalog.reporter("song")


def test_another_package_adds_its_own(plugins):
    ours = set(catalog.entries())
    install(TOY, plugins.target)
    plugins()
    theirs = set(catalog.entries()) - ours
    assert {(entry.kind, entry.name) for entry in theirs} >= {
        ("model", "toy-adder"),
        ("task", "toy-sums"),
        ("metric", "toy-exact"),
    }
    assert not any(name.startswith("toy_bench.sums") for name in sys.modules), "listing must not import places"
    subject = catalog.open_model("toy-adder", "cpu")
    assert subject.add(12, 5) == 17
    assert catalog.build_task("toy-sums@7", subject).name == "toy-sums-7"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_thing_anywhere", "ModuleNotFoundError"),
        ("ENTRIES = 1 / 0", "ZeroDivisionError"),
        ("OTHER = ()", "AttributeError"),
        ("ENTRIES = ('not an entry',)", "is not an Entry"),
        ("ENTRIES = 3", "TypeError"),
        (ENTRY + "ENTRIES = (Entry('modle', 'x', 'y:z', ''),)", "unknown kind 'modle'"),
    ],
)
def test_a_broken_plugin_is_named_and_hides_nobody(plugins, source, why):
    ours = set(catalog.entries())
    install(TOY, plugins.target)
    write_plugin(plugins.target, "broken_pack", source)
    plugins()
    with pytest.warns(BrokenPlugin, match=f"broken_pack.*{why}"):
        found = set(catalog.entries())
    assert ours < found
    assert "toy-adder" in {entry.name for entry in found}
    assert not any("\n" in str(entry) for entry in found)


def test_two_entries_of_one_name_are_a_warning_that_names_both_and_the_name_is_refused(plugins):
    for name in ("twin_a", "twin_b"):
        write_plugin(plugins.target, name, ENTRY + "ENTRIES = (Entry('model', 'twin', 'm:a', 'x'),)")
    plugins()
    line = r"model 'twin' is registered twice, by twin_a .* and by twin_b .*: remove one of these packages"
    with pytest.warns(BrokenPlugin, match=line):
        found = catalog.entries("model")
    assert "twin" not in {entry.name for entry in found} and "vqgan" in {entry.name for entry in found}
    for ask in (catalog.lookup, catalog.find):
        with pytest.raises(UserError, match=line):
            ask("model", "twin")


def test_a_task_without_a_title_is_named_with_its_cure_and_hides_nobody(plugins):
    source = (
        "from harness.contracts import MetricEntry, TaskEntry\n"
        "ENTRIES = (TaskEntry('mute', 'm:a', 'x'), MetricEntry('loud', 'm:b', 'x'))"
    )
    write_plugin(plugins.target, "mute_pack", source)
    plugins()
    with pytest.warns(BrokenPlugin, match=r"task 'mute' of mute_pack .* has no title: .*shown=ShownTask\(title="):
        assert catalog.lookup("metric", "loud").place == "m:b"
    with pytest.raises(UserError, match="unknown task 'mute'"):
        catalog.lookup("task", "mute")


def test_one_name_of_two_kinds_is_fine(plugins):
    source = ENTRY + "ENTRIES = (Entry('model', 'same', 'm:a', 'x'), Entry('data', 'same', 'm:b', 'x'))"
    write_plugin(plugins.target, "other_pack", source)
    plugins()
    assert catalog.lookup("model", "same").place == "m:a"
    assert catalog.lookup("data", "same").place == "m:b"
    with pytest.raises(UserError, match=r"model 'same' of other_pack .* cannot be loaded from m:a"):
        catalog.find("model", "same")


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(UserError, match="unknown model 'vqgam'; did you mean 'vqgan'"):
        catalog.lookup("model", "vqgam")
    with pytest.raises(UserError, match=r"unknown task 'zzzzzz'; known: .*reconstruction"):
        catalog.lookup("task", "zzzzzz")


@pytest.mark.parametrize(
    ("text", "parts"),
    [("ddt", ("ddt", "")), ("ddt@a/b", ("ddt", "a/b")), ("hub@org/name#v@2", ("hub", "org/name#v@2"))],
)
def test_names_are_split_at_the_first_at(text, parts):
    assert catalog.split_name(text) == parts


def test_a_pair_that_does_not_fit_names_what_would():
    catalog.require_fit("ddt@anywhere", "recursion@world", "Denoises")
    with pytest.raises(
        UserError, match=r"recursion@world.* examines Denoises, which model 'jpeg' is not.*models which do: ddt"
    ):
        catalog.require_fit("jpeg", "recursion@world", "Denoises")
    with pytest.raises(UserError, match="no model in the catalogue does"):
        catalog.require_fit("jpeg", "t", "Sings")
