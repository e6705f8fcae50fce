"""A float tensor as a Python index."""

import lithograph as lg

[1, 2, 3][lg.tensor(1.0)]
