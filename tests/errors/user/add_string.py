"""A string as an operand."""

import lithograph as lg

lg.ones((2,)) + "a"
