"""Making a tensor by its class."""

import lithograph as lg

lg.Tensor([1.0])
