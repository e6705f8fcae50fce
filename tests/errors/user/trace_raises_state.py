"""An error while tracing leaves the variable as it was."""

import lithograph as lg

v = lg.Variable([1.0, 2.0])


@lg.function
def f(x):
    v.assign(v * 2)
    return v + x


def unchanged():
    return v.numpy().tolist() == [1.0, 2.0] and f.trace_count == 0


f(lg.ones((3,)))
