"""A graph whose node has a type that its op does not give."""

from lithograph.ir.parse import parse
from lithograph.ir.verify import verify

verify(parse("graph @main(%0: float32[2]) {\n  %1 = negative(%0) : float32[3]\n  return %1\n}"))
