"""A dtype that does not exist."""

import numpy as np
from lithograph.ir import ops

ops.astype(np.ones(2), 'float31')
