"""Two ellipses."""

import lithograph as lg

x = lg.tensor([[1, 2], [3, 4]])
x[..., 0, ...]
