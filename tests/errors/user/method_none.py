"""A method given None."""

import lithograph as lg

lg.ones((2,)).maximum(None)
