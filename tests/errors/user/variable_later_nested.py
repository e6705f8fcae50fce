"""A gradient of a step whose variable has another dtype."""

import lithograph as lg

v = lg.Variable([1, 2], name="v")
lg.variable_grads(lambda: lg.sum(v.astype(lg.float32)), [v])
