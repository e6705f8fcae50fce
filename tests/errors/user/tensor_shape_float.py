"""An extent that is no integer."""

import lithograph as lg

lg.tensor([1, 2], shape=(1.5, 2))
