"""A model behind an OpenAI-compatible server: ``openai@URL#MODEL``."""
