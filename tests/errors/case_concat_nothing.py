"""Nothing to join."""

from lithograph.ir import ops

ops.concat([])
