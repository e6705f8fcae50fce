"""Bits of floats."""

from lithograph.ir import ops

ops.ones((2,)) & 1
