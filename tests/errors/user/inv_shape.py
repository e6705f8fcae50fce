"""The inverse of a matrix that is not square."""

import lithograph as lg

lg.linalg.inv(lg.ones((2, 3)))
