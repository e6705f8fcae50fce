"""A norm of an order that matrices do not have."""

import lithograph as lg

lg.linalg.matrix_norm(lg.ones((2, 2)), ord=3)
