"""A vjp whose cotangent has another shape than the argument."""

import lithograph as lg

f = lg.custom_gradient(lambda x: (x * x, lambda dy: dy.sum()))
lg.grad(f)(lg.tensor([1.0, 2.0]))
