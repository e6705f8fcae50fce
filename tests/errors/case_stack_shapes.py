"""Stacked shapes that differ."""

import numpy as np
from lithograph.ir import ops

ops.stack([np.ones((2, 3)), np.ones((2,))])
