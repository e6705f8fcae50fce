"""A value that the dtype cannot hold."""

import lithograph as lg

lg.full((2,), 300, dtype=lg.int8)
