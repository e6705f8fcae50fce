"""An axis that does not exist."""

import lithograph as lg

lg.ones((2, 3)).sum(axis=2)
