"""A dtype that does not exist."""

import lithograph as lg

lg.ones((2,)).astype("quaternion")
