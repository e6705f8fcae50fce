"""An axis that does not exist."""

import numpy as np
from lithograph.ir import ops

ops.sum(np.ones((2, 3)), axis=2)
