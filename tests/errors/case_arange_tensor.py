"""A bound that is no number."""

from lithograph.ir import ops

ops.arange(ops.ones(()))
