"""A seed that is no integer."""

import lithograph as lg

lg.random.seed("ab")
