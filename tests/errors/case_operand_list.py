"""A list where a tensor is wanted."""

from lithograph.ir import ops

ops.abs([1, 2])
