"""Reports: pure readers of run folders. They compute nothing that a run did not store, and never touch a model.

``read`` opens runs, ``tables`` and ``ranking`` decide what may be compared, ``formats`` and ``terminal`` write tables,
``figures`` draws, ``gallery`` picks pictures, ``site`` makes the page, ``build`` puts the folder together.
"""
