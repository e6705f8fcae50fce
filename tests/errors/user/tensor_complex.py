"""A complex number where a real dtype is asked for."""

import lithograph as lg

lg.tensor(1j, dtype="float32")
