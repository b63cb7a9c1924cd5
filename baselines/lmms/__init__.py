"""Our models inside lmms-eval."""
