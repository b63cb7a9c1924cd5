"""The system of DDT-LLaMA (arXiv 2504.14666): a diffusion-timestep tokenizer and language models that speak it,
usable without the harness."""
