"""A value of another dtype, inside a function."""

import lithograph as lg

v = lg.Variable([1.0, 2.0], name="v")


def unchanged():
    return v.numpy().tolist() == [1.0, 2.0]


@lg.function
def f(x):
    v.assign(x)
    return v * 2


f(lg.tensor([1, 2]))
