"""A gradient of an integer."""

import lithograph as lg

x = lg.tensor([3.0, 1.0])
with lg.GradientTape() as tape:
    tape.watch(x)
    y = lg.argmax(x)
tape.gradient(y, x)
