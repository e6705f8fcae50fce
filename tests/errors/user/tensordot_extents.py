"""Extents of paired axes that differ."""

import lithograph as lg

lg.tensordot(lg.ones((2, 3)), lg.ones((4, 2)), axes=([1], [0]))
