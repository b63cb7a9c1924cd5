"""The engine: specs, runs, observations, measures, statistics and the store. It names no subject, task or report."""
