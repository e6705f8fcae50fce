"""A concrete function given another nest."""

import lithograph as lg

g = lg.function(lambda x: x[0]).get_concrete_function([lg.TensorSpec((2,), lg.float32)])
g((lg.ones((2,)),))
