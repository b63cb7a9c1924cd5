"""Shapes are types: in tests, beartype checks jaxtyping's annotations wherever a tensor passes a border inside a
network.

Not in the modules at the user's border (``model``, ``vqgan``, ``var``, ``schedule``): their own errors are what their
tests are about.
"""

from __future__ import annotations

from jaxtyping import install_import_hook

INSIDE = ("decoder", "encoder", "flow", "latents", "layers", "quantizer")
install_import_hook([*(f"ddt_llama.tokenizer.{name}" for name in INSIDE), "baselines.convnet"], "beartype.beartype")
