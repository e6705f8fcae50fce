"""A cotangent nested otherwise than the result."""

import lithograph as lg

_, pull = lg.vjp(lambda x: (x, x), lg.tensor([1.0]))
pull(lg.ones((1,)))
