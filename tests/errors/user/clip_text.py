"""A bound that is a string."""

import lithograph as lg

lg.clip(lg.ones((2,)), "a", 1.0)
