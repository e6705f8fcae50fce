"""A result that names what no operand has."""

import lithograph as lg

lg.einsum("ij,jk->iq", lg.ones((2, 3)), lg.ones((3, 4)))
