"""A gradient without an argument."""

import lithograph as lg

lg.grad(lambda x: x)()
