"""A concrete function given another dtype."""

import lithograph as lg

g = lg.function(lambda x: x + 1).get_concrete_function(lg.TensorSpec((2,), lg.float32))
g(lg.tensor([1, 2]))
