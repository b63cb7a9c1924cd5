"""How a metric falls with parameters, tokens and compute, read from stored runs, and how far to trust it."""
