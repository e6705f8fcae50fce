"""A negative integer is no place to count at."""

import numpy as np

import lithograph as lg

lg.bincount(np.array([2, -1]), length=3)
