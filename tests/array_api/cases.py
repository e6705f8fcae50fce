"""For each function of the standard: the kinds of dtypes that it takes, how it is called, the dtype of its result."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import lithograph as lg

from . import standard

KINDS: Final = {
    "all": "biufc", "numeric": "iufc", "real": "biuf", "real numeric": "iuf", "floating": "fc", "real floating": "f",
    "bits": "biu", "integer": "iu", "bool": "b", "complex": "c", "one": "f",
}  # fmt: skip


class Names:
    """A namespace with arguments of one dtype: NumPy's as the oracle, or ours.

    Attributes:
        f: the function of the case; xp: the namespace; dtype: the one asked for, of the name `kind`.
        x, y: arrays of the dtype, of shapes (3, 4) and (4,).
    """

    def __init__(self, xp: Any, name: str, dtype: str, x: np.ndarray, y: np.ndarray) -> None:
        self.xp = xp
        self.f = operator.attrgetter(name)(xp)
        self.kind = dtype
        self.dtype = getattr(xp, dtype)
        self.x, self.y = self.array(x), self.array(y)

    def array(self, values: Any, dtype: Any = None) -> Any:
        """An array of the namespace."""
        found = np.asarray(values, dtype)
        return found if self.xp is np else lg.tensor(found)


@dataclass(frozen=True)
class Case:
    """How a function is called.

    Attributes:
        kinds: a key of KINDS: the dtypes it takes.
        result: "same", "bool", "index", "int", "sum", "real", "complex" or "asked"; "" where dtypes are not compared.
        call: from `Names` to the result, an array or a tuple of arrays.
        low, high: range of the values of floats.
        compiled: "same" bits as eagerly; "refused": the shape of the result depends on values; "" where it is not
            a function of arrays.
        values: whether results are compared with NumPy's, and not their dtypes and shapes alone.
    """

    kinds: str
    result: str
    call: Callable[[Names], Any]
    low: float = -2.0
    high: float = 2.0
    compiled: str = "same"
    values: bool = True


def _unary(kinds: str, result: str = "same", low: float = -2.0, high: float = 2.0) -> Case:
    return Case(kinds, result, lambda n: n.f(n.x), low, high)


def _binary(kinds: str, result: str = "same", low: float = -2.0, high: float = 2.0) -> Case:
    return Case(kinds, result, lambda n: n.f(n.x, n.y), low, high)


def _made(kinds: str, call: Callable[[Names], Any], values: bool = True) -> Case:
    return Case(kinds, "asked", call, compiled="", values=values)


def _square(n: Names) -> Any:
    """A matrix that is Hermitian, positive definite and well conditioned."""
    return n.x @ n.xp.conj(n.xp.matrix_transpose(n.x)) + n.array(np.eye(3) * 9, n.kind)


def _spectrum(x: Any, k: int = 1) -> Any:
    """What of a decomposition is unique: the part with values."""
    return x[k]


_ELEMENTWISE: Final = {
    "abs": _unary("numeric", "real"),
    "acos": _unary("floating", low=-0.9, high=0.9),
    "acosh": _unary("floating", low=1.1, high=3.0),
    "add": _binary("numeric"),
    "asin": _unary("floating", low=-0.9, high=0.9),
    "asinh": _unary("floating"),
    "atan": _unary("floating"),
    "atan2": _binary("real floating"),
    "atanh": _unary("floating", low=-0.9, high=0.9),
    "bitwise_and": _binary("bits"),
    "bitwise_invert": _unary("bits"),
    "bitwise_left_shift": _binary("integer"),
    "bitwise_or": _binary("bits"),
    "bitwise_right_shift": _binary("integer"),
    "bitwise_xor": _binary("bits"),
    "ceil": _unary("real numeric"),
    "clip": Case("real numeric", "same", lambda n: n.f(n.x, n.x * 0 + 1, n.x * 0 + 2)),
    "conj": _unary("numeric"),
    "copysign": _binary("real floating"),
    "cos": _unary("floating"),
    "cosh": _unary("floating"),
    "divide": _binary("floating", low=0.5),
    "equal": _binary("all", "bool"),
    "exp": _unary("floating"),
    "expm1": _unary("floating"),
    "floor": _unary("real numeric"),
    "floor_divide": _binary("real numeric", low=0.5),
    "greater": _binary("real numeric", "bool"),
    "greater_equal": _binary("real numeric", "bool"),
    "hypot": _binary("real floating"),
    "imag": _unary("complex", "real"),
    "isfinite": _unary("numeric", "bool"),
    "isinf": _unary("numeric", "bool"),
    "isnan": _unary("numeric", "bool"),
    "less": _binary("real numeric", "bool"),
    "less_equal": _binary("real numeric", "bool"),
    "log": _unary("floating", low=0.1),
    "log10": _unary("floating", low=0.1),
    "log1p": _unary("floating", low=0.1),
    "log2": _unary("floating", low=0.1),
    "logaddexp": _binary("real floating"),
    "logical_and": _binary("bool"),
    "logical_not": _unary("bool"),
    "logical_or": _binary("bool"),
    "logical_xor": _binary("bool"),
    "maximum": _binary("real numeric"),
    "minimum": _binary("real numeric"),
    "multiply": _binary("numeric"),
    "negative": _unary("numeric"),
    "nextafter": _binary("real floating"),
    "not_equal": _binary("all", "bool"),
    "positive": _unary("numeric"),
    "pow": _binary("numeric", low=0.5),
    "real": _unary("complex", "real"),
    "reciprocal": _unary("floating", low=0.5),
    "remainder": _binary("real numeric", low=0.5),
    "round": _unary("numeric"),
    "sign": _unary("numeric"),
    "signbit": _unary("real floating", "bool"),
    "sin": _unary("floating"),
    "sinh": _unary("floating"),
    "sqrt": _unary("floating", low=0.1),
    "square": _unary("numeric"),
    "subtract": _binary("numeric"),
    "tan": _unary("floating", low=-1.0, high=1.0),
    "tanh": _unary("floating"),
    "trunc": _unary("real numeric"),
}

_OTHERS: Final = {
    "arange": _made("real numeric", lambda n: n.f(1, 10, 2, dtype=n.dtype)),
    "asarray": _made("all", lambda n: n.f([[1, 0], [1, 1]], dtype=n.dtype)),
    "empty": _made("all", lambda n: n.f((2, 3), dtype=n.dtype), values=False),
    "empty_like": _made("all", lambda n: n.f(n.x), values=False),
    "eye": _made("numeric", lambda n: n.f(3, 4, k=1, dtype=n.dtype)),
    "from_dlpack": _made("all", lambda n: n.f(n.x)),
    "full": _made("all", lambda n: n.f((2, 3), 1, dtype=n.dtype)),
    "full_like": _made("all", lambda n: n.f(n.x, 1)),
    "linspace": _made("floating", lambda n: n.f(0, 3, 5, dtype=n.dtype)),
    "meshgrid": Case("numeric", "same", lambda n: n.f(n.y, n.x[0], indexing="ij")),
    "ones": _made("all", lambda n: n.f((2, 3), dtype=n.dtype)),
    "ones_like": _made("all", lambda n: n.f(n.x)),
    "tril": Case("numeric", "same", lambda n: n.f(n.x, k=-1)),
    "triu": Case("numeric", "same", lambda n: n.f(n.x, k=1)),
    "zeros": _made("all", lambda n: n.f((2, 0), dtype=n.dtype)),
    "zeros_like": _made("all", lambda n: n.f(n.x)),
    "astype": Case("all", "asked", lambda n: n.f(n.x, n.dtype)),
    "take": Case("all", "same", lambda n: n.f(n.x, n.array([2, 0, 1]), axis=1)),
    "take_along_axis": Case("all", "same", lambda n: n.f(n.x, n.array([[2, 0], [1, 1], [3, 0]]), axis=-1)),
    "matmul": Case("numeric", "same", lambda n: n.f(n.x, n.xp.matrix_transpose(n.x))),
    "matrix_transpose": _unary("all"),
    "tensordot": Case("numeric", "same", lambda n: n.f(n.x, n.y, axes=1)),
    "vecdot": _binary("numeric"),
    "broadcast_arrays": Case("all", "same", lambda n: n.f(n.x, n.y)),
    "broadcast_to": Case("all", "same", lambda n: n.f(n.x, (2, 3, 4))),
    "concat": Case("all", "same", lambda n: n.f((n.x, n.x), axis=1)),
    "expand_dims": Case("all", "same", lambda n: n.f(n.x, axis=1)),
    "flip": Case("all", "same", lambda n: n.f(n.x, axis=1)),
    "moveaxis": Case("all", "same", lambda n: n.f(n.x, 0, -1)),
    "permute_dims": Case("all", "same", lambda n: n.f(n.x, (1, 0))),
    "repeat": Case("all", "same", lambda n: n.f(n.x, 2, axis=1)),
    "reshape": Case("all", "same", lambda n: n.f(n.x, (2, -1))),
    "roll": Case("all", "same", lambda n: n.f(n.x, (1, 2), axis=(0, 1))),
    "squeeze": Case("all", "same", lambda n: n.f(n.x[:1, :], 0)),
    "stack": Case("all", "same", lambda n: n.f((n.x, n.x), axis=-1)),
    "tile": Case("all", "same", lambda n: n.f(n.x, (2, 1))),
    "unstack": Case("all", "same", lambda n: n.f(n.x, axis=1)),
    "argmax": Case("real numeric", "index", lambda n: n.f(n.x, axis=1, keepdims=True)),
    "argmin": Case("real numeric", "index", lambda n: n.f(n.x)),
    "count_nonzero": Case("all", "index", lambda n: n.f(n.x, axis=0)),
    "nonzero": Case("all", "index", lambda n: n.f(n.x), compiled="refused"),
    "searchsorted": Case("real numeric", "index", lambda n: n.f(n.xp.sort(n.y), n.x, side="right")),
    "where": Case("all", "same", lambda n: n.f(n.x == n.y, n.x, n.y)),
    "unique_all": Case("all", "", lambda n: tuple(n.f(n.x)), compiled="refused"),
    "unique_counts": Case("all", "", lambda n: tuple(n.f(n.x)), compiled="refused"),
    "unique_inverse": Case("all", "", lambda n: tuple(n.f(n.x)), compiled="refused"),
    # The standard leaves the order open.
    "unique_values": Case("all", "same", lambda n: np.sort(np.asarray(n.f(n.x))), compiled="refused"),
    "argsort": Case("real numeric", "index", lambda n: n.f(n.x, axis=0, stable=True)),
    "sort": Case("real numeric", "same", lambda n: n.f(n.x)),
    "cumulative_prod": Case("numeric", "sum", lambda n: n.f(n.x, axis=1)),
    "cumulative_sum": Case("numeric", "sum", lambda n: n.f(n.x, axis=1, include_initial=True)),
    "max": Case("real numeric", "same", lambda n: n.f(n.x, axis=(0, 1))),
    "mean": Case("floating", "same", lambda n: n.f(n.x, axis=0)),
    "min": Case("real numeric", "same", lambda n: n.f(n.x, axis=1, keepdims=True)),
    "prod": Case("numeric", "sum", lambda n: n.f(n.x, axis=1)),
    "std": Case("real floating", "same", lambda n: n.f(n.x, axis=1, correction=1)),
    "sum": Case("numeric", "sum", lambda n: n.f(n.x, axis=1, keepdims=True)),
    "var": Case("real floating", "same", lambda n: n.f(n.x, axis=(0, 1))),
    "all": Case("all", "bool", lambda n: n.f(n.x, axis=1)),
    "any": Case("all", "bool", lambda n: n.f(n.x, axis=0, keepdims=True)),
    "diff": Case("numeric", "same", lambda n: n.f(n.x, axis=1, n=2)),
    "linalg.cholesky": Case("floating", "same", lambda n: n.f(_square(n))),
    "linalg.cross": Case("numeric", "same", lambda n: n.f(n.x[:, :3], n.y[:3])),
    "linalg.det": Case("floating", "same", lambda n: n.f(_square(n))),
    "linalg.diagonal": Case("all", "same", lambda n: n.f(n.x, offset=1)),
    "linalg.eigh": Case("floating", "real", lambda n: _spectrum(n.f(_square(n)), 0)),
    "linalg.eigvalsh": Case("floating", "real", lambda n: n.f(_square(n))),
    "linalg.inv": Case("floating", "same", lambda n: n.f(_square(n))),
    "linalg.matmul": Case("numeric", "same", lambda n: n.f(n.x, n.y)),
    "linalg.matrix_norm": Case("floating", "real", lambda n: n.f(n.x)),
    "linalg.matrix_power": Case("floating", "same", lambda n: n.f(_square(n), 3)),
    "linalg.matrix_rank": Case("floating", "int", lambda n: n.f(_square(n))),
    "linalg.matrix_transpose": _unary("all"),
    "linalg.outer": Case("numeric", "same", lambda n: n.f(n.y, n.x[0])),
    "linalg.pinv": Case("floating", "same", lambda n: n.f(n.x)),
    "linalg.qr": Case("floating", "same", lambda n: n.xp.abs(n.f(n.x)[1]) + 0 * n.f(n.x)[1]),
    "linalg.slogdet": Case("floating", "", lambda n: tuple(n.f(_square(n)))),
    "linalg.solve": Case("floating", "same", lambda n: n.f(_square(n), n.x)),
    "linalg.svd": Case("floating", "real", lambda n: _spectrum(n.f(n.x, full_matrices=False))),
    "linalg.svdvals": Case("floating", "real", lambda n: n.f(n.x)),
    "linalg.tensordot": Case("numeric", "same", lambda n: n.f(n.x, n.x, axes=((0, 1), (0, 1)))),
    "linalg.trace": Case("numeric", "sum", lambda n: n.f(n.x)),
    "linalg.vecdot": _binary("numeric"),
    "linalg.vector_norm": Case("floating", "real", lambda n: n.f(n.x, axis=1)),
    "fft.fft": Case("complex", "same", lambda n: n.f(n.x)),
    "fft.fftfreq": _made("real floating", lambda n: n.f(5, d=0.5, dtype=n.dtype) if n.xp is lg else _freq(n)),
    "fft.fftn": Case("complex", "same", lambda n: n.f(n.x)),
    "fft.fftshift": Case("floating", "same", lambda n: n.f(n.x)),
    "fft.hfft": Case("complex", "real", lambda n: n.f(n.x)),
    "fft.ifft": Case("complex", "same", lambda n: n.f(n.x)),
    "fft.ifftn": Case("complex", "same", lambda n: n.f(n.x)),
    "fft.ifftshift": Case("floating", "same", lambda n: n.f(n.x)),
    "fft.ihfft": Case("real floating", "complex", lambda n: n.f(n.x)),
    "fft.irfft": Case("complex", "real", lambda n: n.f(n.x)),
    "fft.irfftn": Case("complex", "real", lambda n: n.f(n.x)),
    "fft.rfft": Case("real floating", "complex", lambda n: n.f(n.x)),
    "fft.rfftfreq": _made("real floating", lambda n: n.f(5, d=0.5, dtype=n.dtype) if n.xp is lg else _freq(n)),
    "fft.rfftn": Case("real floating", "complex", lambda n: n.f(n.x)),
}


def _freq(n: Names) -> Any:
    return n.f(5, d=0.5).astype(n.dtype)


CASES: Final = {**_ELEMENTWISE, **_OTHERS}

ON_NO_ARRAYS: Final = frozenset(standard.signatures()) - frozenset(CASES)
"""Functions of dtypes and of nothing, which have tests of their own."""


def dtypes_of(case: Case) -> list[str]:
    """The dtypes of the standard that a function takes."""
    return [name for name in standard.DTYPES if np.dtype(name).kind in KINDS[case.kinds]]


def inputs(case: Case, dtype: str, shapes: tuple[tuple[int, ...], ...] = ((3, 4), (4,))) -> list[np.ndarray]:
    """Values of a dtype: floats within the case's range, integers from 1 to 4, so that they can be divided by."""
    rng = np.random.default_rng(3)
    kind = np.dtype(dtype).kind
    found: list[np.ndarray] = []
    for shape in shapes:
        if kind == "b":
            found.append(rng.integers(0, 2, shape).astype(dtype))
        elif kind in "iu":
            found.append(rng.integers(1, 5, shape).astype(dtype))
        else:
            values = rng.uniform(case.low, case.high, shape)
            turned = values + 1j * rng.uniform(0.1, 0.5, shape) if kind == "c" else values
            found.append(turned.astype(dtype))
    return found
