"""Not a function."""

import lithograph as lg

lg.function(3)
