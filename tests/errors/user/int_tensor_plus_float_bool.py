"""Arithmetic of bools."""

import lithograph as lg

lg.tensor([True]) - lg.tensor([True])
