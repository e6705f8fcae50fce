"""A value of another shape."""

import lithograph as lg

v = lg.Variable([1.0, 2.0], name="v")


def unchanged():
    return v.numpy().tolist() == [1.0, 2.0]


v.assign([1.0, 2.0, 3.0])
