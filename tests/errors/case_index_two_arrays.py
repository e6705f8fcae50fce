"""Two index arrays."""

import numpy as np
from lithograph.ir import ops

x = ops.ones((2, 3))
x[np.array([0, 1]), np.array([0, 1, 1])]
