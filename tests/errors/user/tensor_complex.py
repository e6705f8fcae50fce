"""A complex number, which no dtype holds."""

import lithograph as lg

lg.tensor(1j)
