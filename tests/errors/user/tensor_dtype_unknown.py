"""A dtype that does not exist."""

import lithograph as lg

lg.tensor([1], dtype="float3")
