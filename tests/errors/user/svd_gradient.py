"""Whole factors have no gradient where the matrix is not square."""

import lithograph as lg

lg.grad(lambda x: lg.sum(lg.linalg.svd(x).S))(lg.ones((3, 2)))
