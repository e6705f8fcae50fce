"""One number has no order."""

import lithograph as lg

lg.sort(lg.scalar(1.0))
