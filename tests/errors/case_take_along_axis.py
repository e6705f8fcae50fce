"""Indices of another rank."""

import numpy as np
from lithograph.ir import ops

ops.take_along_axis(np.ones((3, 3)), np.array([0]), axis=0)
