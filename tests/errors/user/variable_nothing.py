"""A variable without a value."""

import lithograph as lg

lg.Variable(None)
