"""A float into integers."""

import lithograph as lg

v = lg.Variable([1, 2], name="v")


def unchanged():
    return v.numpy().tolist() == [1, 2]


v.assign([1.5, 2.5])
