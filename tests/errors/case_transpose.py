"""Axes that are no permutation."""

import numpy as np
from lithograph.ir import ops

ops.transpose(np.ones((2, 3)), (0, 0))
