"""A tape that is told what to watch outside of its block."""

import lithograph as lg

lg.GradientTape().watch(lg.tensor(3.0))
