"""A cotangent that is a string."""

import lithograph as lg

lg.grad(lambda x: x * 2)(lg.tensor([1.0, 2.0]), dy="a")
