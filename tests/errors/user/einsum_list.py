"""No list of labels after an operand."""

import lithograph as lg

lg.einsum(lg.ones((2, 3)), "ij")
