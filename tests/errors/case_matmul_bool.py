"""A product of truth values."""

import numpy as np
from lithograph.ir import ops

ops.matmul(np.ones((2, 2), bool), np.ones((2, 2), bool))
