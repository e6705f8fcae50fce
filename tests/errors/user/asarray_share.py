"""Sharing memory that is not contiguous."""

import numpy as np

import lithograph as lg

lg.asarray(np.ones((2, 3)).T, copy=False)
