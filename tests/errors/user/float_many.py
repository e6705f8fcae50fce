"""Several elements as one Python float."""

import lithograph as lg

float(lg.ones((2,)))
