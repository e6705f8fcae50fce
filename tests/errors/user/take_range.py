"""Taking what is not there."""

import lithograph as lg

x = lg.arange(4)
x.take(lg.tensor([1, 9]))
