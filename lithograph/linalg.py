"""Linear algebra: the Array API standard's extension `linalg`, and what NumPy has beyond it."""

from .ir.ops.eigenvalues import EighResult, EigResult, eig, eigh, eigvals, eigvalsh
from .ir.ops.factorisations import QRResult, SVDResult, cholesky, qr, svd, svdvals
from .ir.ops.matrix_functions import LstsqResult, diagonal, lstsq, matrix_power, matrix_rank, trace
from .ir.ops.norms import matrix_norm, norm, vector_norm
from .ir.ops.products import matmul, outer, vecdot
from .ir.ops.shapes import matrix_transpose
from .ir.ops.solving import SlogdetResult, det, inv, pinv, slogdet, solve
from .ir.ops.tensor_products import cross, tensordot

__all__ = [
    "EigResult",
    "EighResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
