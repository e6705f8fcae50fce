"""Values that do not fill the shape."""

import lithograph as lg

lg.tensor([1, 2, 3], shape=(2, 2))
