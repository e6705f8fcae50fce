"""What holds values: tensors, variables, buffers, native entry and threads; knows nothing of tracing."""
