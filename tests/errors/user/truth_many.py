"""The truth value of several elements."""

import lithograph as lg

if lg.ones((2,)):
    pass
