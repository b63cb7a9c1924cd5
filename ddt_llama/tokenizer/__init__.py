"""The DDT tokenizer: encode, quantise, decode by rectified flow."""
