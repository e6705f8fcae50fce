"""A Python number that its partner cannot hold."""

from lithograph.ir import ops

ops.ones((2,), dtype='int8') * 300
