"""A scalar of several numbers."""

import lithograph as lg

lg.scalar([1, 2])
