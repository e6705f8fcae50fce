"""Parts of unequal size."""

import lithograph as lg

lg.split(lg.ones((5,)), 2)
