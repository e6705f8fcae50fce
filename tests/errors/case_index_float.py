"""An index that is no integer."""

from lithograph.ir import ops

ops.ones((2,))[0.5]
