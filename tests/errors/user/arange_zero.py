"""A step of zero."""

import lithograph as lg

lg.arange(0, 4, 0)
