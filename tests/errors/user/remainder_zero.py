"""An integer remainder by zero."""

import lithograph as lg

lg.tensor([4, 5]) % 0
