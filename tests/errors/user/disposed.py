"""Use of a tensor after dispose."""

import lithograph as lg

x = lg.ones((2,))
x.dispose()
x + 1
