"""A negative extent."""

from lithograph.ir import ops

ops.zeros((2, -1))
