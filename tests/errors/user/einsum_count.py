"""Fewer operands than subscripts."""

import lithograph as lg

lg.einsum("ij,jk->ik", lg.ones((2, 3)))
