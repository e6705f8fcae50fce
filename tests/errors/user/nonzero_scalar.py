"""A number has no indices."""

import lithograph as lg

lg.nonzero(lg.tensor(3.0))
