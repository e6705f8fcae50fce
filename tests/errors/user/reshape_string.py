"""A shape that is a string."""

import lithograph as lg

lg.ones((4,)).reshape("ab")
