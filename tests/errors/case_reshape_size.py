"""A shape of another size."""

import numpy as np
from lithograph.ir import ops

ops.reshape(np.ones((2, 3)), (4,))
