"""What was seen comes back from its stored form bit for bit, and nonsense is not stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from tasks.geneval.detections import Detection, dumps, from_rows, loads, to_rows
from tasks.geneval.names import COLOURS, OBJECTS

PROPERTY = settings(max_examples=40, deadline=None)
numbers = st.floats(-1e6, 1e6)
seen = st.dictionaries(
    st.sampled_from(OBJECTS),
    st.lists(
        st.builds(Detection, numbers, numbers, numbers, numbers, st.floats(0, 1), st.none() | st.sampled_from(COLOURS))
    ).map(tuple),
)


@PROPERTY
@given(seen)
def test_the_stored_form_comes_back(detections):
    assert loads(dumps(detections)) == detections
    assert json.loads(dumps(detections))["boxes"] == to_rows(detections)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", range(5))
def test_only_finite_numbers(wrong, place):
    row = [0.0, 1.0, 2.0, 3.0, 0.5]
    row[place] = wrong
    with pytest.raises(UserError, match="not finite"):
        from_rows({"cup": [row]})


ROW = [0, 1, 2, 3, 0.5]


@pytest.mark.parametrize(
    ("boxes", "colours", "message"),
    [
        ({"mouse": [ROW]}, {}, "unknown class 'mouse'"),
        ({"cup": [ROW[:4]]}, {}, "five numbers"),
        ({"cup": [ROW]}, {"cup": []}, "1 boxes and 0 colour verdicts"),
        ({"cup": [ROW]}, {"dog": ["red"]}, "'dog', of which there are no boxes"),
        ({"cup": [ROW]}, {"cup": ["grey"]}, "unknown colour 'grey'"),
    ],
)
def test_rows_that_do_not_fit(boxes, colours, message):
    with pytest.raises(UserError, match=message):
        from_rows(boxes, colours)
    with pytest.raises(UserError, match=f"image 3: .*{message}"):
        loads(json.dumps({"boxes": boxes, "colors": colours}), "image 3")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"boxes": {}}', '{"boxes": [], "colors": {}}'])
def test_a_broken_stored_form_is_named(text):
    with pytest.raises(UserError, match=r"^image 3: "):
        loads(text, "image 3")
