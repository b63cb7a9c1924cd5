"""GenEval's closed vocabularies, from djghosh13/geneval at commit af4902f (MIT).

The rules fit other things to detect too: what reads prompts or detections takes ``classes``, by default ``OBJECTS``.
"""

from __future__ import annotations

OBJECTS: tuple[str, ...] = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "computer mouse", "tv remote"),
    *("computer keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock"),
    *("vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""``evaluation/object_names.txt``: the detector's class indices in order. COCO's *mouse*, *remote* and *keyboard* are
renamed, so a detector that speaks COCO's own names must be translated by index."""

COLOURS: tuple[str, ...] = (
    *("red", "orange", "yellow", "green", "blue"),
    *("purple", "pink", "brown", "black", "white"),
)
"""``COLORS`` of the script: the colour classifier's labels; reasons list them in this order."""

RELATIONS: tuple[str, ...] = ("left of", "right of", "above", "below")

TAGS: tuple[str, ...] = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
"""The six tasks, in the order of the prompt file."""
