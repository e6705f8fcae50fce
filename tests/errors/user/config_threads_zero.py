"""No threads at all."""

import lithograph as lg

lg.config.threads = 0
