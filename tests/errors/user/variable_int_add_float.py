"""A float added to integers."""

import lithograph as lg

v = lg.Variable([1, 2], name="v")


def unchanged():
    return v.numpy().tolist() == [1, 2]


v.assign_add(1.5)
