"""A nest with a number where a row is expected."""

import lithograph as lg

lg.tensor([[1.0, 2.0], 3.0])
