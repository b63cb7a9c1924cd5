"""How lmms-eval finds our models: its entry-point group ``lmms_eval.models`` names ``manifest``, which it calls while
it is imported itself. So nothing else is imported here."""

from __future__ import annotations

from typing import Any

NAME = "ddtbench"
"""``lmms_eval --model ddtbench``."""


def manifest() -> Any:
    """lmms-eval's ``ModelManifest``: a name, and the place of the class, imported only when asked for."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(model_id=NAME, simple_class_path="baselines.lmms.model.DdtbenchModel")
