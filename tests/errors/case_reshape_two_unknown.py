"""Two unknown extents."""

from lithograph.ir import ops

ops.ones((2, 3)).reshape(-1, -1)
