"""Is a checkpoint worse than the one before it? Non-inferiority with a margin for each metric, in its own unit."""
