"""GenEval (Ghosh, Hajishirzi, Schmidt 2023, arXiv 2310.11513): prompts, rules, scores, and the task on the world.

Protocol: the script ``evaluation/evaluate_images.py`` of djghosh13/geneval at commit af4902f (MIT). Data: its 553
prompts (MIT). ``prompts`` reads them, ``image_folder`` checks a folder of generated images, ``detections`` holds what
a detector and a colour classifier saw, ``scoring`` turns that into verdicts and scores, ``results`` writes and reads
the script's own result file, ``judges`` puts the rule behind the Protocol that other benchmarks' judges satisfy.

The task is ``task`` (protocol and known deviations stand there), on the ``prompt_sets`` of the world or of a file. Who
looks: on the world the exact detector, whose findings ``world`` turns into detections; on the official prompts ``coco``
(Mask2Former) and ``colours`` (CLIP). ``sights`` names both, ``metrics`` weighs the verdicts, ``export`` writes a run as
an image folder and as the script's result file.

Known deviations, none of which changes a verdict of the seeded cases:

* Boxes are compared in float64; the script works in the detector's float32. A pair of boxes within about 1e-6 of a
  threshold may differ. Scores are compared in float32, as there.
* Detections of equal score: the later one in the detector's output goes first. That is the script's order where numpy
  sorts stably, which depends on numpy's version and on the processor: there the order of ties is undefined.
* A pair that satisfies two relations: the reason names them in alphabetical order; the script's order is undefined.
* Data that the script crashes on or misreads without a word (an unknown class, a target that does not exist, NaN) is
  an error here.
"""
