"""A list as an operand."""

import lithograph as lg

lg.ones((2,)) + [1.0, 2.0]
