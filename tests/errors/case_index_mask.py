"""A condition as an index."""

from lithograph.ir import ops

x = ops.arange(4)
x[x > 1]
