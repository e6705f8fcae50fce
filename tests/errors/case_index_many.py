"""More indices than axes."""

from lithograph.ir import ops

ops.ones((2,))[0, 0]
