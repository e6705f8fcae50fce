"""An axis named twice."""

from lithograph.ir import ops

ops.ones((2, 3)).sum(axis=(1, -1))
