"""Extents of one label that differ."""

import lithograph as lg

lg.einsum("ij,jk->ik", lg.ones((2, 3)), lg.ones((4, 5)))
