"""A condition that is no truth value."""

import numpy as np
from lithograph.ir import ops

ops.where(np.ones(3), 1.0, 2.0)
