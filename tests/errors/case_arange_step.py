"""A range that does not move."""

from lithograph.ir import ops

ops.arange(0, 4, 0)
