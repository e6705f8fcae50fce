"""A spec whose dtype does not exist."""

import lithograph as lg

lg.TensorSpec([3], "float3")
