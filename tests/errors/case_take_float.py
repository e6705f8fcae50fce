"""Indices that are no integers."""

import numpy as np
from lithograph.ir import ops

ops.take(np.ones(3), np.ones(2))
