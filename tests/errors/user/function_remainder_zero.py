"""A remainder by zero after an assignment: the variable is as it was."""

import lithograph as lg

v = lg.Variable([1, 2])


@lg.function
def f(x):
    v.assign_add(x)
    return v % x


def unchanged():
    return v.numpy().tolist() == [1, 2]


f(lg.tensor([3, 0]))
