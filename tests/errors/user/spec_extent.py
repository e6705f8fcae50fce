"""A spec whose extent is no integer."""

import lithograph as lg

lg.TensorSpec([1.5])
