"""A shape that an array does not spread to."""

import numpy as np
from lithograph.ir import ops

ops.broadcast_to(np.ones((2, 3)), (3, 3))
