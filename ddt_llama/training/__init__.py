"""Training on accelerate: tokenizers here, language models later."""
