"""A negative number of classes."""

import lithograph as lg

lg.one_hot(lg.tensor([1]), -2)
