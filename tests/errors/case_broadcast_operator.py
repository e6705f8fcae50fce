"""An operator on shapes that do not broadcast."""

from lithograph.ir import ops

x = ops.ones((2, 3))
y = ops.ones((3, 2))
z = (x * y).sum()
