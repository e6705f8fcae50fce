"""Two gradients of a tape that is not persistent."""

import lithograph as lg

x = lg.tensor(3.0)
with lg.GradientTape() as tape:
    tape.watch(x)
    y = x * x
tape.gradient(y, x)
tape.gradient(y, x)
