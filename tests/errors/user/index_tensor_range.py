"""Indices in a tensor, one outside its axis."""

import lithograph as lg

x = lg.arange(4)
x[lg.tensor([0, -5])]
