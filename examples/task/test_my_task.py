"""The task can tell a tokenizer that keeps the dot from one that loses it."""

import numpy as np
from my_task.task import Right, build


class Keeps:
    image_size = 32

    def encode(self, images):
        return images

    def decode(self, codes, seeds=None):
        return codes


class Loses(Keeps):
    def decode(self, codes, seeds=None):
        return codes * 0


def share_right(subject):
    task = build("", subject)
    cases = task.cases()
    samples = task.ask(subject, cases, [task.load(case) for case in cases], range(len(cases)))
    columns = {f"number.{name}": [sample.numbers[name] for sample in samples] for name in ("asked", "found")}
    right, ones = Right().parts(columns)
    assert [reason == "" for reason in Right().reasons(columns)] == right.astype(bool).tolist()
    return np.sum(right) / np.sum(ones)


def test_all_dots_are_right_where_they_are_kept_and_a_quarter_where_there_are_none():
    assert share_right(Keeps()) == 1
    assert share_right(Loses()) == 0.25
