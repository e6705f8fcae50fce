"""The Cholesky factor of a matrix that is not positive definite."""

import lithograph as lg

lg.linalg.cholesky(-lg.eye(2))
