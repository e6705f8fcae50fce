"""The length of a scalar."""

import lithograph as lg

len(lg.tensor(1.0))
