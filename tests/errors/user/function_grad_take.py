"""A failure in a compiled gradient names the line of the op."""

import lithograph as lg

@lg.function
def f(x, i):
    return lg.grad(lambda y: lg.take(y, i).sum())(x)


f(lg.ones((4,)), lg.tensor([1]))
f(lg.ones((4,)), lg.tensor([4]))
