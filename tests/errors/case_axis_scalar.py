"""An axis of a number."""

from lithograph.ir import ops

ops.max(1.0, axis=0)
