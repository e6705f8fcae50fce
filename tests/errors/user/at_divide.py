"""Integers hold no quotients."""

import lithograph as lg

x = lg.tensor([1, 2, 3])
x.at[0].divide(2)
