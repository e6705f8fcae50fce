"""How programs run here: from graphs to native code; knows nothing of tensors, tracing or users' code."""
