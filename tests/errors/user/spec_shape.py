"""A spec whose shape is a number."""

import lithograph as lg

lg.TensorSpec(3)
