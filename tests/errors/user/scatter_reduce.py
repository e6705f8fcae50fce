"""A reduction that there is not."""

import lithograph as lg

x = lg.tensor([1, 2, 3])
lg.scatter(x, lg.tensor([0]), 5, reduce="sum")
