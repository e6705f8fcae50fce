"""Indices that do not fit."""

import lithograph as lg

x = lg.zeros((2, 3))
lg.put_along_axis(x, lg.tensor([[0], [1], [2]]), 1.0, axis=1)
