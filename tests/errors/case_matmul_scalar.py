"""A product with a number."""

from lithograph.ir import ops

ops.ones((2, 3)) @ 2.0
