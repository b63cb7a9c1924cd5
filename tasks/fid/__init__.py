"""FID: generated pictures against a reference set of your own, or against published statistics.

Papers: Heusel et al. 2017 (arXiv 1706.08500, FID), Nash et al. 2021 (arXiv 2103.03841, sFID), Binkowski et al. 2018
(arXiv 1801.01401, KID), Salimans et al. 2016 (arXiv 1606.03498, Inception score), Kynkaanniemi et al. 2019 (arXiv
1904.06991), Naeem et al. 2020 (arXiv 2002.09797), Stein et al. 2023 (arXiv 2306.04675, FD-DINOv2), Jayasumana et al.
2024 (arXiv 2401.09603, CMMD). Data and licences: the user's own.

``fid@[PROTOCOL@][crop@]SOURCE``; PROTOCOL is one of ``harness.instruments.feature_protocols``, ``adm`` without one, or
``inception@[PROTOCOL@]FILE``, other weights of the same network, whose distances are never called FID. SOURCE is

* a folder with one sub-folder per class (ImageNet's layout): one picture of the asked class per reference. Sub-folders
  whose names are all whole numbers are called by their labels; others are numbered as they sort as text;
* a folder with ``metadata.jsonl`` (rows ``file_name`` and ``text``, as Hugging Face's image folders): one picture per
  caption. Each case carries its reference, so that a limit shortens both sides alike;
* a ``.npz`` of statistics (ADM's reference batches, clean-fid, pytorch-fid; ``ddtbench data statistics`` makes one): 50
  pictures of every class that the subject knows, in rounds, against the file's mean and covariance;
* for ``--model image-folder@B``, pictures that exist already, or statistics of them: any folder of any pictures, or any
  ``.npz``, of any number, without classes or captions (``tasks.fid.sets``).

References are as they are in their folder, read as the published tools read them (Pillow's RGB alone), so that
``fid@clean@FOLDER`` is clean-fid of that folder. ``crop`` (centre crop and resize to the subject's size: Pillow, named
filter) is another task by its name. A model's pictures are rounded to 8 bits, to nearest. Which set the references are
(train or validation changes a published gFID by a factor of 2 to 3), its digest, and how many pictures were made are
part of the fingerprint.

Statistics that are no covariance, or are of another width than the features, are refused when the run is planned.

Known deviations: the ADM evaluator takes precision and recall of 50,000 outputs against the 10,000 pictures in its
file, which are not read here; with a folder both sides have the same number. KID is over all pairs, not the mean of
100 random subsets, whose expectation it is and which ``kid-subsets`` is. How the Inception score parts its splits:
``harness.metrics.inception_score``. Text-to-image against statistics needs captions: give the folder they belong to.
"""
