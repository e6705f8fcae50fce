"""More distinct values than were asked for."""

import numpy as np

import lithograph as lg


@lg.function
def distinct(x):
    return lg.unique_values(x, size=2)


distinct(np.arange(3))
