"""Specs: the key is a function of the content alone, and everything ill-formed is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.spec import KEY_DIGITS, RunRequest, RunSpec, SuiteSpec, canonical_json, path_safe, suite_from_toml

SPEC = RunSpec("ddt", 1, "ab" * 32, "reconstruction-world", 1, "r1", {"steps": 10, "solver": "euler"})

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(settings=st.dictionaries(st.text(), plain, max_size=4), seed=st.integers(0, 2**63), batch=st.integers(1, 512))
def test_a_spec_survives_a_file(settings, seed, batch):
    spec = replace(SPEC, settings=settings, seed=seed, batch=batch)
    again = RunSpec.from_dict(json.loads(json.dumps(spec.to_dict(), indent=2)))
    assert again.key() == spec.key()
    assert again.canonical() == spec.canonical()
    assert again.to_dict() == spec.to_dict()


@given(settings=st.dictionaries(st.text(), plain, min_size=2, max_size=5))
def test_the_order_of_settings_does_not_change_the_key(settings):
    backwards = dict(reversed(settings.items()))
    assert replace(SPEC, settings=settings).key() == replace(SPEC, settings=backwards).key()


@pytest.mark.parametrize(
    "change",
    [
        {"model": "vqgan"},
        {"model_version": 2},
        {"checkpoint": ""},
        {"task": "reconstruction-fashion"},
        {"task_version": 2},
        {"data_revision": "r2"},
        {"settings": {"steps": 11, "solver": "euler"}},
        {"seed": 1},
        {"dtype": "bfloat16"},
        {"batch": 1},
        {"unit_size": 64},
        {"threads": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_part_of_the_key(change):
    assert replace(SPEC, **change).key() != SPEC.key()


def test_the_key_is_short_hex_and_stays_what_it_is():
    assert SPEC.canonical().startswith('{"batch":32,"checkpoint":"ab')
    assert len(SPEC.key()) == KEY_DIGITS
    # Folders of earlier runs are found by this value: another canonical form makes every stored run unreachable.
    assert SPEC.key() == "02bb0cb710d59501"


def test_tuples_and_lists_are_the_same_setting():
    assert replace(SPEC, settings={"scales": (1, 2, 4)}).key() == replace(SPEC, settings={"scales": [1, 2, 4]}).key()


def test_canonical_json_has_one_spelling_and_no_nan():
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"\\u00e9"],"b":1}'
    for bad in (float("nan"), float("inf"), object()):
        with pytest.raises(UserError, match="plain JSON"):
            canonical_json({"x": bad})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "a/b"}, "task must be safe in a path"),
        ({"model": ".."}, "model must be safe in a path"),
        ({"model": ""}, "model must be safe in a path"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"batch": 0}, "batch must be a whole number of at least 1"),
        ({"threads": 1.5}, "threads must be a whole number"),
        ({"unit_size": True}, "unit_size must be a whole number"),
    ],
)
def test_an_impossible_spec_is_refused(change, words):
    with pytest.raises(UserError, match=words):
        replace(SPEC, **change)


def test_a_stored_spec_with_other_keys_is_refused():
    values = SPEC.to_dict()
    with pytest.raises(UserError, match=r"unknown key 'sead'.*did you mean 'seed'"):
        RunSpec.from_dict({**values, "sead": 1})
    del values["seed"]
    with pytest.raises(UserError, match="lacks 'seed'"):
        RunSpec.from_dict(values)


@given(st.text(max_size=40))
def test_path_safe_names_make_a_spec(text):
    name = path_safe(text)
    assert "/" not in name and name not in {".", ".."}
    assert path_safe(name) == name


def test_a_suite_is_every_model_on_every_task():
    suite = SuiteSpec.of("mine", ["a", "b", "a"], ["t", "u"], limit=5, batch=4)
    assert suite.models == ("a", "b") and suite.tasks == ("t", "u")
    assert len(suite.runs) == 4 and {request.limit for request in suite.runs} == {5}
    assert suite.batch == 4


def test_changing_a_suite_keeps_the_pairs_it_leaves_out():
    suite = SuiteSpec("mine", (RunRequest("a", "t", 5), RunRequest("b", "t", 5), RunRequest("a", "u", 7)))
    assert suite.changed(tasks=["u"]).runs == (RunRequest("a", "u", 7),)
    assert suite.changed(models=["b"]).runs == (RunRequest("b", "t", 5),)
    assert suite.changed(models=["c"]).runs == (RunRequest("c", "t", 5), RunRequest("c", "u", 7))
    # another checkpoint of a model meets its tasks; of one that is not in the suite, all
    assert suite.changed(models=["b@mine"]).runs == (RunRequest("b@mine", "t", 5),)
    assert suite.changed(models=["c@mine", "b@mine"]).runs == (
        *(RunRequest("c@mine", "t", 5), RunRequest("b@mine", "t", 5)),
        RunRequest("c@mine", "u", 7),
    )
    assert suite.changed(limit=2, seed=9).runs[2] == RunRequest("a", "u", 2)
    assert suite.changed(seed=9, batch=None).seed == 9
    assert suite.changed() == suite


def _toml(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_suite_file_names_things(tmp_path):
    text = 'models = ["a", "b@c"]\ntasks = ["t@u"]\nlimit = 9\nseed = 3\nbatch = 2\nunit_size = 4\nthreads = 2\n'
    expected = SuiteSpec.of("mine", ["a", "b@c"], ["t@u"], 9, seed=3, batch=2, unit_size=4, threads=2)
    assert suite_from_toml(_toml(tmp_path, text)) == expected
    assert suite_from_toml(_toml(tmp_path, 'name = "other"\n' + text)).name == "other"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('models = ["a"]\ntasks = ["t"]\nlimt = 3', "unknown key 'limt'; did you mean 'limit'"),
        ('models = ["a"]', "tasks must be a list of names"),
        ('models = []\ntasks = ["t"]', "models must be a list of names"),
        ('models = "a"\ntasks = ["t"]', "models must be a list of names"),
        ('models = ["a"]\ntasks = [1]', "tasks must be a list of names"),
        ('models = ["a"]\ntasks = ["t"]\nlimit = "3"', "limit must be a whole number"),
        ('models = ["a"]\ntasks = ["t"]\nlimit = 0', "limit must be a whole number of at least 1"),
        ('models = ["a"]\ntasks = ["t"]\nbatch = 2.5', "batch must be a whole number"),
        ('models = ["a"]\ntasks = ["t"]\nname = "a/b"', "name must be safe in a path"),
        ('models = ["a"]\ntasks = ["t"]\nname = 3', "name must be a string"),
        ('models = ["a"', "is not TOML"),
    ],
)
def test_a_bad_suite_file_is_one_line_that_names_the_file(tmp_path, text, words):
    with pytest.raises(UserError, match=words) as caught:
        suite_from_toml(_toml(tmp_path, text))
    assert "mine.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_or_binary_suite_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the suite file .*absent\.toml"):
        suite_from_toml(tmp_path / "absent.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"binary\.toml is not TOML"):
        suite_from_toml(path)


@pytest.mark.parametrize("name", ["seed", "batch", "unit_size", "threads", "limit"])
def test_numbers_of_hundreds_of_digits_are_one_line(name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} must be at most \d+, not 7{{57}}\.\.\.$"):
        SuiteSpec.of("s", ["a"], ["b"], **{name: int("7" * 400)})
