"""Doors for weights that others publish, opened by path."""
