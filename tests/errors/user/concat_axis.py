"""An axis that does not exist."""

import lithograph as lg

lg.concat([lg.ones((2,)), lg.ones((2,))], axis=1)
