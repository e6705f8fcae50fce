"""How many places there are is not known while tracing."""

import lithograph as lg

lg.function(lambda x: lg.argwhere(x > 0))(lg.tensor([1.0, 0.0]))
