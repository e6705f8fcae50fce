"""A concrete function given another Python value."""

import lithograph as lg

g = lg.function(lambda x, k: x * k).get_concrete_function(lg.TensorSpec((2,), lg.float32), 2)
g(lg.ones((2,)), 3)
