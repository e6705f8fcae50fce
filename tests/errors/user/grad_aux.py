"""No auxiliary result."""

import lithograph as lg

lg.value_and_grad(lambda x: x, has_aux=True)(lg.tensor([1.0]))
