"""An index outside its axis."""

from lithograph.ir import ops

x = ops.ones((2, 3))
x[:, 3]
