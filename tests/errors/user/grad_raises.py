"""An error inside the differentiated function names its line."""

import lithograph as lg

lg.grad(lambda x: (x + lg.ones((3,))).sum())(lg.ones((2,)))
