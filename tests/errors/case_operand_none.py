"""None where a tensor is wanted."""

from lithograph.ir import ops

ops.ones((2,)) + None
