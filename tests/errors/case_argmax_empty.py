"""The position of the maximum of nothing."""

from lithograph.ir import ops

ops.zeros((0,)).argmax()
