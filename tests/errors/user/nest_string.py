"""A string among numbers."""

import lithograph as lg

lg.tensor([1.0, "two"])
