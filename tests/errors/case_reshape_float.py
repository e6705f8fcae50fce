"""An extent that is no integer."""

from lithograph.ir import ops

ops.ones((2, 3)).reshape(1.5, 4)
