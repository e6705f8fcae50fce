"""Assignment to an element."""

import lithograph as lg

x = lg.arange(4)
x[0] = 1
