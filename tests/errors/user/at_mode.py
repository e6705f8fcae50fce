"""A mode that there is not."""

import lithograph as lg

x = lg.tensor([1, 2, 3])
x.at[5].set(0, mode="ignore")
