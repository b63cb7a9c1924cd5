"""The rivals a DDT tokenizer is compared with, and the controls that show the comparison is sound."""
