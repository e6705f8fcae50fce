"""Python floats where integers are asked for."""

import lithograph as lg

lg.tensor([1.5], dtype=lg.int32)
