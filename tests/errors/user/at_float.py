"""A float among integers."""

import lithograph as lg

x = lg.tensor([1, 2, 3])
x.at[lg.tensor([0, 2])].set(lg.tensor([0.5, 0.5]))
