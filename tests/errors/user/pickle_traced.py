"""A traced tensor cannot be pickled."""

import lithograph as lg

import pickle


@lg.function
def f(x):
    pickle.dumps(x)
    return x


f(lg.ones((2,)))
