"""Vectors of two elements have no vector product."""

import lithograph as lg

lg.cross(lg.ones((2,)), lg.ones((2,)))
