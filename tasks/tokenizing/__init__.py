"""What is asked of image tokenizers: reconstruction, progressive decoding, recursion; their pictures and their cost."""
