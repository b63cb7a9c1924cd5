"""A published table beside stored runs: what was reproduced, what is off, and what cannot be compared."""
