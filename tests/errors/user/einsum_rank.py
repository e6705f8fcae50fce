"""Subscripts that do not fit the rank of an operand."""

import lithograph as lg

lg.einsum("ij,jk->ik", lg.ones((2, 3)), lg.ones((3,)))
