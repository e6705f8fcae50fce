"""A cotangent of another shape."""

import lithograph as lg

lg.grad(lambda x: x * 2)(lg.tensor([1.0, 2.0]), dy=lg.ones((3,)))
