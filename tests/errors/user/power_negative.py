"""A negative power of integers."""

import lithograph as lg

lg.tensor([2, 3]) ** lg.tensor([1, -1])
