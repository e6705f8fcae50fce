"""More places than were asked for."""

import lithograph as lg

lg.function(lambda x: lg.flatnonzero(x, size=1))(lg.tensor([1.0, 2.0]))
