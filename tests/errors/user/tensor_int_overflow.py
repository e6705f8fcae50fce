"""An integer that the dtype cannot hold."""

import lithograph as lg

lg.tensor([300], dtype=lg.int8)
