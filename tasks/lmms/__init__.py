"""Any task of lmms-eval, run by lmms-eval itself on one of our models: ``lmms@mme``, ``lmms@pope``, ``lmms@gqa`` ...

lmms-eval (Zhang et al. 2024, arXiv 2407.12772; 0.7.x, extra ``lmms``) words the questions, and it scores the answers.
It runs in a process of its own, once for all cases that a run lacks; our model is its plug-in ``ddtbench``
(``baselines.lmms.model``). What it wrote is read from its results and samples files, since it exits with 0 after an
error.

Data: a data set of the hub is a folder of the same name under ``$DDTBENCH_DATA/lmms`` (by default below
``~/.cache/ddtbench``), for example ``lmms/lmms-lab-encoder/MME``: its Parquet files, and its README.md where it names
configurations. Nothing is downloaded. Licences are those of each set; most pictures are for research only.

A case is a row of the set, in its order. ``lmms-score`` is lmms-eval's own score of each row, where it has one, with
our interval; the totals that it states stand beside it without an interval. The nine sets of the DDT-LLaMA paper are
the suite ``understanding``.

Known gaps: a question with several pictures or none fails, since our models look at one (SEED-Bench's video questions
do); a failed row is none of ``lmms-score``, and no total is stated then, because lmms-eval would count it as wrong;
captions need Java; ``--limit`` of MME must be even, since lmms-eval refuses half a pair; POPE's ``yes ratio`` is that
of the true answers, as lmms-eval computes it, and is left out; the local engine alone, with one worker.
"""
