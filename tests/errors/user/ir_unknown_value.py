"""A value that was not defined."""

import lithograph as lg

lg.parse_ir("graph @f(%0: float32[2]) {\n  %1 = negative(%7) : float32[2]\n  return %1\n}")
