"""A float in integers."""

from lithograph.ir import ops

ops.full((2,), 1.5, dtype='int32')
