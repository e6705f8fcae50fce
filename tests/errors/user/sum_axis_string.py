"""An axis that is a string."""

import lithograph as lg

lg.sum(lg.ones((2, 3)), axis="rows")
