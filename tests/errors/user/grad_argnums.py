"""A gradient by an argument that is not given."""

import lithograph as lg

lg.grad(lambda x: x * 2, argnums=1)(lg.tensor([1.0]))
