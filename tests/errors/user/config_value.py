"""A switch given a value that it cannot have."""

import lithograph as lg

lg.config.threads = "many"
