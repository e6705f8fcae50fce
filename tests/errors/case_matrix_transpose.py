"""A vector has no matrix transpose."""

from lithograph.ir import ops

ops.ones((3,)).mT
