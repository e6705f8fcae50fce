"""Text of the IR that ends in the middle of a node."""

from lithograph.ir.parse import parse

parse("graph @main(%0: float32[2]) {\n  %1 = negative(%0")
