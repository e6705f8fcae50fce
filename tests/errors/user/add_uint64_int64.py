"""Integers that no integer dtype holds both of."""

import lithograph as lg

lg.tensor([1], dtype=lg.uint64) + lg.tensor([1], dtype=lg.int64)
