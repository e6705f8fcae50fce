"""A vector has no matrix transpose."""

from lithograph.ir import ops

transposed = ops.ones((3,)).mT
