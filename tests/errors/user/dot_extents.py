"""Axes of a product that do not match."""

import lithograph as lg

lg.dot(lg.ones((2, 3)), lg.ones((4, 2)))
