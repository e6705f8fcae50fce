"""Subscripts that cannot be read."""

import lithograph as lg

lg.einsum("ij;jk", lg.ones((2, 3)), lg.ones((3, 4)))
