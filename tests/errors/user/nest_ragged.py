"""A nest whose rows differ in length."""

import lithograph as lg

lg.tensor([[1.0, 2.0], [3.0]])
