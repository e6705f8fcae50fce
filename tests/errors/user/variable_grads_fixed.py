"""Variables that are not trainable."""

import lithograph as lg

v = lg.Variable(1.0, trainable=False)
lg.variable_grads(lambda: v * 2, [v])
