"""A product with a vector of another length."""

from lithograph.ir import ops

ops.ones((2, 3)) @ ops.ones((4,))
