"""A result that is a tuple."""

import lithograph as lg

lg.grad(lambda x: (x, x))(lg.tensor([1.0]))
