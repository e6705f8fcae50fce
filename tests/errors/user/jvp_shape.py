"""A tangent of another shape than its primal."""

import lithograph as lg

lg.jvp(lg.sin, (lg.tensor([1.0, 2.0]),), (lg.tensor([1.0]),))
