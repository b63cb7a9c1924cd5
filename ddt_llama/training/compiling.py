"""Modules of a training compiled by torch.compile, where a recipe asks for it."""

from __future__ import annotations

import os
import shutil
from typing import Any

from harness.contracts import Recipe
from harness.errors import UserError


def compile_modules(subject: Any, recipe: Recipe) -> None:
    """Compile, in place, what the trainable names (``compilable()``); weights and their names stay.

    It takes minutes at the first steps and at each new shape. On a core with AVX-512 and bf16 a step of the DDT
    tokenizer then took 0.92 s instead of 1.21 (docs/log.md, 2026-12-01). Raises UserError where the trainable names
    none, and where there is no compiler for C++.
    """
    if not recipe.compiled:
        return
    if not hasattr(subject, "compilable"):
        raise UserError(f"recipe '{recipe.name}': this training names no modules to compile: leave compiled out")
    if not shutil.which(os.environ.get("CXX", "g++")):
        raise UserError(
            f"recipe '{recipe.name}': compiling needs a C++ compiler (g++, or what CXX names): install one, or leave "
            "compiled out"
        )
    for module in subject.compilable():
        module.compile(dynamic=False)
