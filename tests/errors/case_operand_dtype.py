"""A NumPy array of objects."""

import numpy as np
from lithograph.ir import ops

ops.abs(np.array(['a']))
