"""Matrices that do not fit, by the operator."""

import lithograph as lg

lg.ones((2, 3)) @ lg.ones((2, 3))
