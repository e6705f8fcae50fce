"""A tensor where several are expected."""

import lithograph as lg

lg.concat(3)
