"""As many axes as no tensor has."""

import lithograph as lg

lg.tensordot(lg.ones((2, 3)), lg.ones((3, 2)), axes=3)
