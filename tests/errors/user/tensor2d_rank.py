"""Values of another rank than the name says."""

import lithograph as lg

lg.tensor2d([[[1.0]]])
