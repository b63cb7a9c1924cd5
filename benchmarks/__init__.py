"""Claims about speed, each measured by one script beside what people use now, in one run on an idle machine.

    make bench                              # all of them, within 30 minutes on two cores
    python benchmarks/frechet.py            # one of them

What they share: ``claims`` (what is promised, whether it held), ``quiet`` (is anything else computing?), ``turns`` (who
is faster, side by side), ``machine`` (on what), ``rows`` (``results.md``), ``__main__`` (one after the other).
"""
