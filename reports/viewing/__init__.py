"""Stored runs in a browser, from this machine alone."""
