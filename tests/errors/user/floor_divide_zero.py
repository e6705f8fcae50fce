"""Integer division by zero."""

import lithograph as lg

a = lg.tensor([4, 5])
a // lg.tensor([2, 0])
