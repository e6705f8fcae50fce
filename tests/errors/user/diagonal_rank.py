"""The diagonal of a vector."""

import lithograph as lg

lg.diagonal(lg.ones((2,)))
