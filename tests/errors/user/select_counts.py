"""A choice is missing."""

import lithograph as lg

x = lg.arange(3)
lg.select([x > 1, x < 0], [x])
