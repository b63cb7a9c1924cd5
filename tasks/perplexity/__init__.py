"""Perplexity: what texts and the codes of images cost under a language model, given nothing and given each other.

Paper: the definitions of words, bytes and bits are lm-eval's (Gao et al., EleutherAI/lm-evaluation-harness); those of
codes are ours, since no peer defines them. Data: Wikipedia's paragraphs (``tasks/data/wikipedia.py``; CC BY-SA 3.0 and
GFDL); the world's 1,000 test scenes with their captions (ours, MIT); a text file of the user.

Protocol:

* ``perplexity@wikipedia``: the paragraphs of the ten test articles, each alone; clusters are articles;
* ``perplexity@wikitext``, ``@wikitext:PATH``: the documents of WikiText's raw test split (``tasks/data/wikitext.py``;
  CC BY-SA 3.0 and GFDL), detokenised, words and bytes of the original, as lm-eval's task ``wikitext``;
* ``perplexity@FILE.txt``: the lines of a text file that are not blank, each alone;
* ``perplexity@captions``: the plain captions of the world's test scenes, given nothing;
* ``perplexity@captions-given-image``: the same captions after their picture, and given nothing beside it, so that what
  the picture tells is measured case by case;
* ``perplexity@image-codes``: the codes of the same scenes' pictures, given nothing;
* ``perplexity@image-codes-given-caption``: the same codes after their caption, and given nothing beside it.

The model says -log p of each case, summed over the case's own tokens: markers and ends are not counted. A text longer
than the context is read in lm-eval's rolling windows: disjoint, with one token of context, so that it costs more than
with a sliding window; a window predicts one token fewer than lm-eval's at the same context. ``perplexity-strided@...``
reads the same texts in windows that overlap by half (transformers' documentation, "Perplexity of fixed-length models"),
is another task, and adds the perplexity per token, which papers on one vocabulary state. Sums over the corpus come
before ratios. Chance: 8 bits per byte of text (bytes drawn evenly), and codes times log2 of the codebook's size for a
picture, which is the metric ``bits-per-image``.

A text that is empty, and a likelihood that is not finite, are failed cases with their reason.

Known gaps: a paragraph is scored without the ones before it, whole documents (as in lm-eval's wikitext) would cost
less; the documentation of transformers joins all of WikiText's rows to one text, here each document stands alone; bits
of codes are a rate without a distortion, so two tokenizers are compared fairly only beside their reconstructions; what
precedes a text "given nothing" is the model's own beginning of a text, which the fingerprint states
(``first_context``).
"""
