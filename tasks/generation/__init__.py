"""Generation: how near the pictures that a model makes, from captions or from classes, are to real ones, as a set.

Papers: the FID tables of text-to-image and class-to-image models (Heusel et al. 2017, arXiv 1706.08500), KID (Binkowski
et al. 2018, arXiv 1801.01401), precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991), density and coverage
(Naeem et al. 2020, arXiv 2002.09797). Data and licences: the world is ours (MIT), Fashion-MNIST is MIT.

Protocol, ``generation@world``: 2,000 captions (style ``plain``) of the first 2,000 scenes of the world's test split,
one picture each, against pictures of the next 2,000 test scenes, those left out whose objects stand as a caption's do.
Features are those of the instruments ``world-features`` and ``efficientnet-lite0``.

Protocol, ``generation@fashion``: 10,000 pictures, 1,000 of each of the ten classes, against Fashion-MNIST's 10,000 test
images, on the unpadded 28x28 pixels, one channel. Features are those of ``fashion-features``, which also reads the
class. ``generation@fashion-2000`` is the same on the first 200 test images of each class, and adds
``efficientnet-lite0``, for which 10,000 pictures would take too long.

Each case carries one picture of the reference set (of the asked class, for Fashion-MNIST), so that a limit shortens
both sides alike. Output and reference of a case have no more to do with one another than that. A subject of another
size is resized (Pillow, named filter), and the fingerprint says so; all pictures are rounded to 8 bits first.

What the numbers lie between: the models ``real`` (pictures of the true distribution that are not in the reference set:
the floor of each distance at this N) and ``real-mean-colour`` (one flat colour per picture: next to nothing).

Known gaps: these are other features than FID's and other data, so the numbers stand beside no published one; distances
and shares change with N, so only equal N are ranked (``fd-infinity`` and the kernel distances do not have that bias);
the reference of a failed case is left out with it.
"""
