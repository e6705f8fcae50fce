"""A place outside the axis; the variable stays as it is."""

import lithograph as lg

v = lg.Variable([1.0, 2.0, 3.0])


@lg.function
def put(i):
    v.assign(v.at[i].set(9.0))


def unchanged():
    return v.numpy().tolist() == [1.0, 2.0, 3.0]


put(lg.tensor([0, 3]))
