"""A random shape that is no shape."""

import lithograph as lg

lg.random.normal("ab")
