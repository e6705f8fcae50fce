"""Leading axes of a product that do not broadcast."""

from lithograph.ir import ops

ops.matmul(ops.ones((2, 1, 3)), ops.ones((5, 3, 1)))
