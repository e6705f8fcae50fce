"""Tensors that do not broadcast."""

import lithograph as lg

a = lg.ones((2, 3))
b = lg.ones((4,))
a + b
