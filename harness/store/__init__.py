"""The run folder on disk: files written whole, parts, seals, columns, and what a suite has stored."""
