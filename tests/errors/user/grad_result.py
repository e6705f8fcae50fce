"""A result that is no tensor."""

import lithograph as lg

lg.grad(lambda x: 3)(lg.tensor([1.0]))
