"""An axis that is no integer."""

import numpy as np
from lithograph.ir import ops

ops.mean(np.ones((2, 3)), axis=1.0)
