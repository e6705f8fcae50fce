"""A tensor of an object."""

import lithograph as lg

lg.tensor(object())
