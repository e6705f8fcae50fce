"""Eager ops name the line of the failing call, not of the first."""

import lithograph as lg

x = lg.ones((2, 2))
lg.take_along_axis(x, lg.tensor([[0], [1]]), axis=1)
lg.take_along_axis(x, lg.tensor([[0], [2]]), axis=1)
