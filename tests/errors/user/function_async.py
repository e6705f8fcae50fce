"""A coroutine function."""

import lithograph as lg

@lg.function
async def f(x):
    return x


f(lg.ones((2,)))
