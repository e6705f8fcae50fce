"""A NumPy array of a dtype that is not supported."""

import numpy as np

import lithograph as lg

lg.tensor(np.ones(2, "datetime64[s]")) + 1
