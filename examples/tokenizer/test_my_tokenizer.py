"""The tokenizer does what its entry says."""

import torch
from my_tokenizer.tokenizer import open_tokenizer


def test_a_plain_picture_comes_back_to_within_half_a_level():
    tokenizer = open_tokenizer("", "cpu")
    images = torch.tensor([0.1, 0.5, 0.9])[None, :, None, None].expand(2, 3, 32, 32)
    codes = tokenizer.encode(images)
    assert codes.shape == (2, tokenizer.code_count) and 0 <= codes.min() <= codes.max() < tokenizer.codebook_size
    assert (tokenizer.decode(codes) - images).abs().max() <= 0.5 / 4
    nothing = torch.zeros_like(codes, dtype=torch.bool)
    assert (tokenizer.decode(codes, nothing) == 0.5).all()
