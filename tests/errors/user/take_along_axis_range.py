"""Taking along an axis what is not there."""

import lithograph as lg

x = lg.ones((2, 2))
lg.take_along_axis(x, lg.tensor([[0], [2]]), axis=1)
