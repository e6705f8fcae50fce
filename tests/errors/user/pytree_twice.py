"""A container that is one already."""

import lithograph as lg

lg.register_pytree(dict, lambda d: (d, None), lambda _, parts: dict(parts))
