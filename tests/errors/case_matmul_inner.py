"""Inner extents of a product that differ."""

import numpy as np
from lithograph.ir import ops

ops.matmul(np.ones((2, 2)), np.ones((3, 1)))
