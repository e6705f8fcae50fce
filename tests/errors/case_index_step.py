"""A slice that does not move."""

from lithograph.ir import ops

ops.arange(4)[::0]
