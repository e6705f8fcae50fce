"""The functions, constants and array methods of the Python Array API standard 2024.12, as data.

Source: https://data-apis.org/array-api/2024.12/
"""

from __future__ import annotations

import inspect
from typing import Final

VERSION: Final = "2024.12"

FUNCTIONS: Final[dict[str, tuple[str, ...]]] = {
    "creation": (
        "arange(start, /, stop=None, step=1, *, dtype=None, device=None)",
        "asarray(obj, /, *, dtype=None, device=None, copy=None)",
        "empty(shape, *, dtype=None, device=None)",
        "empty_like(x, /, *, dtype=None, device=None)",
        "eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)",
        "from_dlpack(x, /, *, device=None, copy=None)",
        "full(shape, fill_value, *, dtype=None, device=None)",
        "full_like(x, /, fill_value, *, dtype=None, device=None)",
        "linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True)",
        "meshgrid(*arrays, indexing='xy')",
        "ones(shape, *, dtype=None, device=None)",
        "ones_like(x, /, *, dtype=None, device=None)",
        "tril(x, /, *, k=0)",
        "triu(x, /, *, k=0)",
        "zeros(shape, *, dtype=None, device=None)",
        "zeros_like(x, /, *, dtype=None, device=None)",
    ),
    "data types": (
        "astype(x, dtype, /, *, copy=True, device=None)",
        "can_cast(from_, to, /)",
        "finfo(type, /)",
        "iinfo(type, /)",
        "isdtype(dtype, kind)",
        "result_type(*arrays_and_dtypes)",
    ),
    "elementwise": (
        "abs(x, /)",
        "acos(x, /)",
        "acosh(x, /)",
        "add(x1, x2, /)",
        "asin(x, /)",
        "asinh(x, /)",
        "atan(x, /)",
        "atan2(x1, x2, /)",
        "atanh(x, /)",
        "bitwise_and(x1, x2, /)",
        "bitwise_left_shift(x1, x2, /)",
        "bitwise_invert(x, /)",
        "bitwise_or(x1, x2, /)",
        "bitwise_right_shift(x1, x2, /)",
        "bitwise_xor(x1, x2, /)",
        "ceil(x, /)",
        "clip(x, /, min=None, max=None)",
        "conj(x, /)",
        "copysign(x1, x2, /)",
        "cos(x, /)",
        "cosh(x, /)",
        "divide(x1, x2, /)",
        "equal(x1, x2, /)",
        "exp(x, /)",
        "expm1(x, /)",
        "floor(x, /)",
        "floor_divide(x1, x2, /)",
        "greater(x1, x2, /)",
        "greater_equal(x1, x2, /)",
        "hypot(x1, x2, /)",
        "imag(x, /)",
        "isfinite(x, /)",
        "isinf(x, /)",
        "isnan(x, /)",
        "less(x1, x2, /)",
        "less_equal(x1, x2, /)",
        "log(x, /)",
        "log1p(x, /)",
        "log2(x, /)",
        "log10(x, /)",
        "logaddexp(x1, x2, /)",
        "logical_and(x1, x2, /)",
        "logical_not(x, /)",
        "logical_or(x1, x2, /)",
        "logical_xor(x1, x2, /)",
        "maximum(x1, x2, /)",
        "minimum(x1, x2, /)",
        "multiply(x1, x2, /)",
        "negative(x, /)",
        "nextafter(x1, x2, /)",
        "not_equal(x1, x2, /)",
        "positive(x, /)",
        "pow(x1, x2, /)",
        "real(x, /)",
        "reciprocal(x, /)",
        "remainder(x1, x2, /)",
        "round(x, /)",
        "sign(x, /)",
        "signbit(x, /)",
        "sin(x, /)",
        "sinh(x, /)",
        "square(x, /)",
        "sqrt(x, /)",
        "subtract(x1, x2, /)",
        "tan(x, /)",
        "tanh(x, /)",
        "trunc(x, /)",
    ),
    "indexing": (
        "take(x, indices, /, *, axis=None)",
        "take_along_axis(x, indices, /, *, axis=-1)",
    ),
    "inspection": (
        "__array_namespace_info__()",
    ),
    "linear algebra": (
        "matmul(x1, x2, /)",
        "matrix_transpose(x, /)",
        "tensordot(x1, x2, /, *, axes=2)",
        "vecdot(x1, x2, /, *, axis=-1)",
    ),
    "manipulation": (
        "broadcast_arrays(*arrays)",
        "broadcast_to(x, /, shape)",
        "concat(arrays, /, *, axis=0)",
        "expand_dims(x, /, *, axis=0)",
        "flip(x, /, *, axis=None)",
        "moveaxis(x, source, destination, /)",
        "permute_dims(x, /, axes)",
        "repeat(x, repeats, /, *, axis=None)",
        "reshape(x, /, shape, *, copy=None)",
        "roll(x, /, shift, *, axis=None)",
        "squeeze(x, /, axis)",
        "stack(arrays, /, *, axis=0)",
        "tile(x, repetitions, /)",
        "unstack(x, /, *, axis=0)",
    ),
    "searching": (
        "argmax(x, /, *, axis=None, keepdims=False)",
        "argmin(x, /, *, axis=None, keepdims=False)",
        "count_nonzero(x, /, *, axis=None, keepdims=False)",
        "nonzero(x, /)",
        "searchsorted(x1, x2, /, *, side='left', sorter=None)",
        "where(condition, x1, x2, /)",
    ),
    "sets": (
        "unique_all(x, /)",
        "unique_counts(x, /)",
        "unique_inverse(x, /)",
        "unique_values(x, /)",
    ),
    "sorting": (
        "argsort(x, /, *, axis=-1, descending=False, stable=True)",
        "sort(x, /, *, axis=-1, descending=False, stable=True)",
    ),
    "statistical": (
        "cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False)",
        "cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)",
        "max(x, /, *, axis=None, keepdims=False)",
        "mean(x, /, *, axis=None, keepdims=False)",
        "min(x, /, *, axis=None, keepdims=False)",
        "prod(x, /, *, axis=None, dtype=None, keepdims=False)",
        "std(x, /, *, axis=None, correction=0.0, keepdims=False)",
        "sum(x, /, *, axis=None, dtype=None, keepdims=False)",
        "var(x, /, *, axis=None, correction=0.0, keepdims=False)",
    ),
    "utility": (
        "all(x, /, *, axis=None, keepdims=False)",
        "any(x, /, *, axis=None, keepdims=False)",
        "diff(x, /, *, axis=-1, n=1, prepend=None, append=None)",
    ),
    "linalg": (
        "linalg.cholesky(x, /, *, upper=False)",
        "linalg.cross(x1, x2, /, *, axis=-1)",
        "linalg.det(x, /)",
        "linalg.diagonal(x, /, *, offset=0)",
        "linalg.eigh(x, /)",
        "linalg.eigvalsh(x, /)",
        "linalg.inv(x, /)",
        "linalg.matmul(x1, x2, /)",
        "linalg.matrix_norm(x, /, *, keepdims=False, ord='fro')",
        "linalg.matrix_power(x, n, /)",
        "linalg.matrix_rank(x, /, *, rtol=None)",
        "linalg.matrix_transpose(x, /)",
        "linalg.outer(x1, x2, /)",
        "linalg.pinv(x, /, *, rtol=None)",
        "linalg.qr(x, /, *, mode='reduced')",
        "linalg.slogdet(x, /)",
        "linalg.solve(x1, x2, /)",
        "linalg.svd(x, /, *, full_matrices=True)",
        "linalg.svdvals(x, /)",
        "linalg.tensordot(x1, x2, /, *, axes=2)",
        "linalg.trace(x, /, *, offset=0, dtype=None)",
        "linalg.vecdot(x1, x2, /, *, axis=-1)",
        "linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2)",
    ),
    "fft": (
        "fft.fft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.fftfreq(n, /, *, d=1.0, dtype=None, device=None)",
        "fft.fftn(x, /, *, s=None, axes=None, norm='backward')",
        "fft.fftshift(x, /, *, axes=None)",
        "fft.hfft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.ifft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.ifftn(x, /, *, s=None, axes=None, norm='backward')",
        "fft.ifftshift(x, /, *, axes=None)",
        "fft.ihfft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.irfft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.irfftn(x, /, *, s=None, axes=None, norm='backward')",
        "fft.rfft(x, /, *, n=None, axis=-1, norm='backward')",
        "fft.rfftfreq(n, /, *, d=1.0, dtype=None, device=None)",
        "fft.rfftn(x, /, *, s=None, axes=None, norm='backward')",
    ),
}
"""By category, signatures as the standard gives them; extensions with the name of their namespace."""

CONSTANTS: Final = ("e", "inf", "nan", "newaxis", "pi")

DTYPES: Final = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "complex64", "complex128",
)  # fmt: skip

ATTRIBUTES: Final = ("dtype", "device", "mT", "ndim", "shape", "size", "T")

BINARY: Final = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
"""Operators that have a reflected and an in-place form, and the functions that they are."""

COMPARISONS: Final = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip

UNARY: Final = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}

METHODS: Final = (
    "__array_namespace__", "__bool__", "__complex__", "__dlpack__", "__dlpack_device__", "__float__", "__getitem__",
    "__index__", "__int__", "__setitem__", "to_device",
)  # fmt: skip


def signatures() -> dict[str, inspect.Signature]:
    """The signature of each function, by name."""
    found: dict[str, inspect.Signature] = {}
    for listed in FUNCTIONS.values():
        for text in listed:
            name, _, parameters = text.partition("(")
            found[name] = inspect.signature(eval(f"lambda {parameters[:-1]}: 0"))
    return found
