"""Instruments: what looks at samples. What they see is stored, so that a metric never needs the images again."""
