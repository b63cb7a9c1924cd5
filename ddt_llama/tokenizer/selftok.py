"""Key map from the released Selftok state dict (998 tensors) to our modules: every key is either used or named as
unused.

Selftok (arXiv 2505.07538) is the successor of the DDT tokenizer and the only one with public weights; its
architecture is ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from harness.errors import UserError

UNUSED = (
    r"diffusion\..*",  # the training schedule
    r"encoder\.final_layer_norm2?\..*",  # never called in the released forward pass
    r"encoder\.quantizer\.(continuous|steps|count)",
    r"encoder\.quantizer\._codebook\.(initted|cluster_size|cluster_size_wo_react|embed_avg|timestep_p_over_c|tpc_initted)",
    r"model\.y_embedder\..*",  # SD3's pooled text, not given here
)
RENAMED = (
    (r"encoder\.quantizer\._codebook\.embed", "quantizer.codebook"),
    (r"encoder\.quantizer\.project_in\.(\w+)", r"quantizer.project_in.\1"),
    (r"encoder\.final_layer_norm3\.(\w+)", r"quantizer.out_norm.\1"),
    (r"encoder\.x_embedder\.proj\.(\w+)", r"encoder.x_embedder.\1"),
    (r"encoder\.((?:pos_embed|query_tokens|blocks\.).*)", r"encoder.\1"),
    (r"model\.x_embedder\.proj\.(\w+)", r"decoder.x_embedder.\1"),
    (
        r"model\.joint_blocks\.(\d+)\.(context_block|x_block)\.attn\.(qkv|proj)\.(\w+)",
        r"decoder.joint_blocks.\1.\2.\3.\4",
    ),
    (r"model\.final_layer\.linear\.(\w+)", r"decoder.final_linear.\1"),
    (r"model\.final_layer\.adaLN_modulation\.1\.(\w+)", r"decoder.final_modulation.1.\1"),
    (r"model\.(.*)", r"decoder.\1"),
)


def our_key(key: str, decoder_depth: int) -> str | None:
    """Our name of a released key; None for a known but unused one. Raises UserError for a key it does not know."""
    last = rf"model\.joint_blocks\.{decoder_depth - 1}\.context_block\.t_embedder\..*"  # modulated by time instead
    if any(re.fullmatch(pattern, key) for pattern in (*UNUSED, last)):
        return None
    for pattern, name in RENAMED:
        if re.fullmatch(pattern, key):
            return re.sub(pattern, name, key)
    raise UserError(f"'{key}' is not a key of the released Selftok tokenizer")


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A released state dict under our names (``encoder.``, ``quantizer.``, ``decoder.``)."""
    depth = 1 + max(int(key.split(".")[2]) for key in state if key.startswith("model.joint_blocks."))
    named = ((our_key(key, depth), value) for key, value in state.items())
    out = {key: value for key, value in named if key is not None}
    out["quantizer.codebook"] = out["quantizer.codebook"][0]
    return out
