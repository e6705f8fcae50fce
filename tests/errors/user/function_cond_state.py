"""A failing call leaves two variables as they were."""

import lithograph as lg

v = lg.Variable([1, 2])
w = lg.Variable([5, 6])


@lg.function
def f(x):
    v.assign_add(x)
    w.assign(w // x)


def unchanged():
    return v.numpy().tolist() == [1, 2] and w.numpy().tolist() == [5, 6]


f(lg.tensor([0, 1]))
