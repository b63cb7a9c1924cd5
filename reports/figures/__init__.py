"""Figures and the look that they share."""
