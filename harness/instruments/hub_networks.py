"""Networks of transformers from the folder of a model on the hub: configuration and weights, of which tensors alone are
read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from harness.errors import UserError
from harness.weights.fitting import open_fitting
from harness.weights.located import Located


def hub_digest(weights: Located) -> str:
    """Of configuration and weights. Raises UserError where there is none."""
    return hashlib.sha256("\n".join(weights.digests.values()).encode()).hexdigest()


def open_network(weights: Located, device: str, of: Any, unused: Sequence[str] = ()) -> Any:
    """A model of this class of transformers, frozen, in evaluation mode. ``unused``: parts of the published file that
    this class leaves out. Raises UserError where the folder cannot be used or does not fit."""
    hub = weights.weights.hub
    if reason := weights.problem():
        raise UserError(f"{hub}: {reason}")
    where = f"{weights.path} as {hub}"
    net = open_fitting(of, weights.path, what=hub, where=where, unused=unused, local_files_only=True)
    return net.eval().requires_grad_(False).to(device)
