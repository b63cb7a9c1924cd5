"""MME: two yes/no questions about each picture, one true and one false as a rule; half of the score needs both right.

Paper: Fu et al. 2023, "MME: A Comprehensive Evaluation Benchmark for Multimodal Large Language Models", arXiv
2306.13394, section 2. Per subtask ``score = 100 acc + 100 acc+``, at most 200: acc is the share of right answers, acc+
the share of pictures of which both are right. The total adds the subtasks.

Data: ``mme@world`` is made from the embedded world's test split (MIT, ours), 60 pictures for each of the subtasks
existence, count, position and color, none with a combination of shape and colour that training lacks;
``mme@world-400`` has 100 for each, of which these are the first; ``mme@world-held-out`` asks the same four, 30 pictures
each, about such combinations. ``mme@PATH`` reads a Parquet file or folder in the official schema (``tasks.mme.data``),
``mme@official`` the published 2,374 questions once they are prepared (``tasks.mme.prepare``). MME's own pictures are
for research only, by its authors' terms.

Protocol: the question as it stands, suffix included; the whole picture, padded to a square and resized; a greedy
answer, stored as text. ``tasks.mme.parsers`` reads it by three named rules, of which ``official`` is the default and
the others' totals stand beside it. A pair is one case, so that no limit cuts one; if one answer fails, the pair has
failed. Intervals resample pictures, told apart by content, within their subtask. Chance is 75 of 200 for fair coins and
50 for one answer to everything; a rule that sees no picture but says yes to just one of each pair (to left, never to
right) reaches 100, so that it takes the picture to get beyond.

``mme-lmms-eval@...`` asks the same in lmms-eval's words ("Answer the question using a single word or phrase." in place
of "Please answer yes or no."), which moves totals; by the parser of that name its totals are those of ``lmms@mme``
(a test).

Known gaps: lmms-eval's wordings for models that it knows by name are left out; VLMEvalKit can ask a
language model about answers that its rule cannot read, which is left out; the official tool reads answers from a text
file, in which a tab or a line break inside an answer would end it, and here it does not.
"""
