"""A device that is not there."""

import lithograph as lg

lg.zeros((2,), device="gpu")
