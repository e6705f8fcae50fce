"""IR that is no text."""

import lithograph as lg

lg.parse_ir(3)
