"""A concrete function given a number for a tensor."""

import lithograph as lg

g = lg.function(lambda x: x + 1).get_concrete_function(lg.TensorSpec((), lg.float32))
g(1.0)
