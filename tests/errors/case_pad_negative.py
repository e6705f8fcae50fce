"""Padding by less than nothing."""

import numpy as np
from lithograph.ir import ops

ops.pad(np.ones((5,)), [(-1, 0)])
