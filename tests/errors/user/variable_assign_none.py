"""An assignment of None."""

import lithograph as lg

v = lg.Variable([1.0, 2.0], name="v")


def unchanged():
    return v.numpy().tolist() == [1.0, 2.0]


v.assign(None)
