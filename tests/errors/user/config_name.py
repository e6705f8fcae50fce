"""A switch that does not exist."""

import lithograph as lg

lg.config.jit = True
