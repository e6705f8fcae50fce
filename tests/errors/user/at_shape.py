"""What is put there does not fit."""

import lithograph as lg

x = lg.zeros((3, 4))
x.at[1:].set(lg.ones((3,)))
