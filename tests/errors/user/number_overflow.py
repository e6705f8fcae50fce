"""A Python integer that the tensor's dtype cannot hold."""

import lithograph as lg

lg.tensor([1], dtype=lg.int8) + 300
