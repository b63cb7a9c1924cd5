"""Claims of a paper as testable statements, and what stored runs say of them."""
