"""A mode that QR does not have."""

import lithograph as lg

lg.linalg.qr(lg.ones((2, 2)), mode="raw")
