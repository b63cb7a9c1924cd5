"""Controls: subjects whose score is known beforehand, so that a wrong table shows."""
