"""A gradient by an argument called by its name."""

import lithograph as lg

lg.grad(lambda x: x * 2, argnums="x")(lg.tensor([1.0]))
