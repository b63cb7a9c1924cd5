"""Models that other libraries keep, as subjects."""
