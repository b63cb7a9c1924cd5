"""A toy benchmark: can a model add? It knows the harness's contracts and nothing else of it."""
