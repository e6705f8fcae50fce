"""Iteration over a scalar."""

import lithograph as lg

list(lg.tensor(1.0))
