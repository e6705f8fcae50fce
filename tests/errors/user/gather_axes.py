"""Two axes and one index array."""

import lithograph as lg

x = lg.zeros((2, 3))
lg.gather(x, (lg.tensor([0, 1]),), axis=(0, 1))
