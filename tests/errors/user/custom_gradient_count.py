"""A vjp that gives more cotangents than there are arguments."""

import lithograph as lg

f = lg.custom_gradient(lambda x: (x * x, lambda dy: (dy, dy)))
lg.grad(f)(lg.tensor([1.0]))
