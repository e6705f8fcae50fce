"""An op that does not exist."""

import lithograph as lg

lg.parse_ir("graph @f(%0: float32[2]) {\n  %1 = frobnicate(%0) : float32[2]\n  return %1\n}")
