"""A condition that is no row."""

import lithograph as lg

lg.compress(lg.ones((2, 2)), lg.zeros((2, 2)), axis=0)
