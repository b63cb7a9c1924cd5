"""The benchmarks: one file or folder per task, the data they need, and the named suites."""
