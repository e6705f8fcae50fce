"""A gradient of a number."""

import lithograph as lg

lg.grad(3)
