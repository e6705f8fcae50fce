"""A condition as an index."""

import numpy as np

from lithograph.ir import ops

x = ops.arange(4)
x[np.array([True, False])]
