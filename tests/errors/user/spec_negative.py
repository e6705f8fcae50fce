"""A spec whose extent is negative."""

import lithograph as lg

lg.TensorSpec([-1])
