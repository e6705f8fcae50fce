"""A shape that is no sequence of integers."""

import lithograph as lg

lg.tensor([1, 2], shape="ab")
