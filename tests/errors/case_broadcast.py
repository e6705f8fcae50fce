"""Shapes that do not broadcast."""

import numpy as np
from lithograph.ir import ops

ops.add(np.ones((2, 3)), np.ones(4))
