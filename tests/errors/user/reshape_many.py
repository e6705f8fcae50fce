"""A shape of another size."""

import lithograph as lg

lg.ones((2, 3)).reshape((4, 2))
