"""A result that is no float."""

import lithograph as lg

lg.grad(lambda x: x.astype(lg.int32))(lg.tensor([1.0]))
