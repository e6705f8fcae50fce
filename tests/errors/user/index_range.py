"""An index outside its axis."""

import lithograph as lg

x = lg.arange(4)
x[4]
