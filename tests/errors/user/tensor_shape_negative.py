"""A negative extent."""

import lithograph as lg

lg.tensor([1, 2], shape=(-1, 2))
