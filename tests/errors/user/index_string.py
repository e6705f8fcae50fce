"""An index that is a string."""

import lithograph as lg

lg.arange(4)["a"]
