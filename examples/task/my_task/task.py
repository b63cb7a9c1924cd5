"""The task and its metric: a dot is in a quarter of a picture. Does a tokenizer keep it there?"""

import numpy as np
import torch

from harness.contracts import Case, MetricTraits, Sample

QUARTERS = ("top left", "top right", "bottom left", "bottom right")


class Dots:
    version = 1  # raise it when the numbers change
    name = "my-task"  # names the folder of its runs
    examines = "ImageTokenizer"  # what a model must provide
    data_revision = "1"  # of the pictures: part of a run's key
    instruments = ()  # what looks at the samples: "pixels", "lpips" ...
    metrics = ("my-task-right",)

    def __init__(self, size):
        self.size = size
        self.fingerprint = {"dot": "2x2, white on dark grey", "size": size}  # only what agrees in it is ranked

    def cases(self):
        """The questions. An ``id`` never changes; cases of one ``group`` are resampled together."""
        places = [(y, x) for y in range(2, self.size - 2, 3) for x in range(2, self.size - 2, 3)]
        facts = [{"y": y, "x": x, "quarter": QUARTERS[quarter_of(y, x, self.size)]} for y, x in places]
        return [Case(f"dot-{f['y']:03}-{f['x']:03}", f"row-{f['y']}", f["quarter"], f) for f in facts]

    def load(self, case):
        """What is shown for a case, uint8 ``size size 3``. An error here fails that case alone."""
        picture = np.full((self.size, self.size, 3), 60, np.uint8)
        y, x = case.facts["y"], case.facts["x"]
        picture[y : y + 2, x : x + 2] = 255
        return picture

    def ask(self, subject, cases, inputs, seeds):
        """One batch: put it to the model, and give a sample for each case."""
        images = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2) / 255  # floats in [0, 1]
        made = subject.decode(subject.encode(images), seeds=seeds)
        outputs = (made.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return [
            Sample(case, images={"reference": shown, "output": output}, numbers=self.compared(case, output))
            for case, shown, output in zip(cases, inputs, outputs, strict=True)
        ]

    def compared(self, case, output):
        y, x = np.unravel_index(output.sum(axis=2, dtype=int).argmax(), output.shape[:2])
        return {"asked": QUARTERS.index(case.facts["quarter"]), "found": quarter_of(y, x, self.size)}

    def probe(self, subject):
        """What asking costs, if you measure it: parameters, milliseconds ..."""
        return {}


def quarter_of(y, x, size):
    return 2 * int(2 * y >= size) + int(2 * x >= size)


class Right:
    name, version, direction, unit = "my-task-right", 1, "higher", ""
    worst = 0.0  # what a failed case would score
    needs = ("number.asked", "number.found")  # what the task stored
    traits = MetricTraits(bounds=(0.0, 1.0), chance=0.25)

    def parts(self, columns):
        """A numerator and a denominator per case: the value is the ratio of their sums, here a share."""
        right = np.asarray(columns["number.asked"]) == np.asarray(columns["number.found"])
        return right.astype(float), np.ones(len(right))

    def reasons(self, columns):
        """Why a case is wrong, in words for the sample sheet; "" where it is right."""
        pairs = zip(columns["number.asked"], columns["number.found"], strict=True)
        return ["" if asked == found else f"it is in the {QUARTERS[int(found)]}" for asked, found in pairs]


def build(argument, subject):
    """``argument`` is what follows the @ in ``my-task@ARGUMENT``: a data set, a path ... This task takes none."""
    return Dots(subject.image_size)
