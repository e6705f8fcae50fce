"""The difference of truth values."""

from lithograph.ir import ops

ops.ones((2,), dtype=bool) - True
