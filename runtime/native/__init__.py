"""The native call path: entry, descriptors and the tensor type; knows no graph and no tracing."""
