"""A -1 that no extent can replace."""

from lithograph.ir import ops

ops.ones((2, 3)).reshape(-1, 4)
