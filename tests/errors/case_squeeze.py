"""An axis that cannot be dropped."""

import numpy as np
from lithograph.ir import ops

ops.squeeze(np.ones((2, 1)), 0)
