"""Positions that are no integers."""

import numpy as np
from lithograph.ir import ops

ops.one_hot(np.ones(3), 2)
