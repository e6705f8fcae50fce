"""Sides of a system that do not fit."""

import lithograph as lg

lg.linalg.solve(lg.eye(2), lg.ones((3, 1)))
