"""Scalar expressions evaluated by NumPy, for many elements at once; the meanings are those of `ir/scalar.py`.

Every primitive gives the bits that native code gives (a NaN equals any NaN). This file knows neither ops nor
nests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import numpy as np

from . import dtypes
from .dtypes import DType
from .fma import fma
from .records import dataclass
from .scalar import RARE, Scalar, iteration, load
from .storage import convert, readable


@dataclass
class CheckFailed(Exception):
    """A check whose condition was false: its number, and the report of the first element that failed."""

    number: int
    report: int


def evaluate(
    root: Scalar,
    loops: Sequence[np.ndarray] = (),
    buffers: Sequence[np.ndarray] | Mapping[int, np.ndarray] = (),
    sizes: Mapping[str, int] | None = None,
    values: Mapping[Scalar, np.ndarray] | None = None,
) -> np.ndarray:
    """The values of an expression.

    Args:
        root: the expression.
        loops: per loop variable its values (int64); they broadcast together.
        buffers: what `load` reads from, indexed by all axes; an index must be inside.
        sizes: per symbol its extent.
        values: of expressions inside that are known already.

    Raises:
        CheckFailed: a `check` inside did not hold.
        IndexError: a `load` reads outside its buffer.
    """
    known: dict[Scalar, np.ndarray] = dict(values or {})
    pending = [root]
    with np.errstate(all="ignore"):
        while pending:
            node = pending[-1]
            missing = [a for a in node.args if a not in known]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            if node not in known:
                found = _node(node, [known[a] for a in node.args], loops, buffers, sizes or {})
                known[node] = np.asarray(found, node.dtype.numpy)
    return known[root]


def _node(
    node: Scalar,
    args: list[np.ndarray],
    loops: Sequence[np.ndarray],
    buffers: Sequence[np.ndarray] | Mapping[int, np.ndarray],
    sizes: Mapping[str, int],
) -> object:
    if node.prim == "const":
        return np.array(node.payload, node.dtype.numpy)
    if node.prim == "iter":
        return loops[cast(int, node.payload)]
    if node.prim == "size":
        return np.int64(sizes[cast(str, node.payload)])
    if node.prim == "load":
        return _load(buffers[cast(int, node.payload)], args)
    if node.prim == "check":
        return _check(cast(int, node.payload), *args)
    if node.prim == "rarely":
        return _rarely(node, *args)
    if node.prim == "cast":
        return _cast(args[0], node.dtype)
    if node.prim == "bitcast":
        return np.ascontiguousarray(args[0]).view(node.dtype.numpy).reshape(args[0].shape)
    return _PRIMITIVES[node.prim](*args)


def _load(buffer: np.ndarray, index: list[np.ndarray]) -> np.ndarray:
    if any(i.size and i.min() < 0 for i in index):
        raise IndexError("a load reads before its buffer")
    return np.asarray(buffer[tuple(index)])


def _rarely(node: Scalar, condition: np.ndarray, usual: np.ndarray, *args: np.ndarray) -> np.ndarray:
    where, found, *given = [np.array(a) for a in np.broadcast_arrays(condition, usual, *args)]
    if where.any():
        buffers = [a[where] for a in given]
        index = (iteration(0),)
        loads = [load(a.dtype, k, index) for k, a in enumerate(node.args[2:])]
        rare = RARE[cast(str, node.payload)](*loads)
        found[where] = evaluate(rare, [np.arange(buffers[0].size)], buffers)
    return found


def _check(number: int, value: np.ndarray, ok: np.ndarray, report: np.ndarray) -> np.ndarray:
    value, ok, report = np.broadcast_arrays(value, ok, report)
    failed = np.flatnonzero(~ok)
    if failed.size:
        raise CheckFailed(number, int(report.reshape(-1)[failed[0]]))
    return value


def _cast(x: np.ndarray, to: DType) -> np.ndarray:
    x = readable(x)
    if to is dtypes.bool_:
        return np.asarray(x != 0)
    if to.is_half:
        return convert(x, to)
    if x.dtype.kind != "f" or to.is_float:
        return x.astype(to.numpy)
    limits = np.iinfo(to.name)
    inside = (x > float(limits.min) - 1) & (x < float(limits.max))
    result = np.where(inside, x, 0).astype(to.numpy)
    result = np.where(x >= float(limits.max), limits.max, result)
    return np.where(x <= float(limits.min), limits.min, result).astype(to.numpy)


def _tdiv(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    divisor = np.where(b == 0, b.dtype.type(1), b)
    down = np.asarray(a // divisor)
    if a.dtype.kind == "u":
        return down
    upward = (a - down * divisor != 0) & ((a < 0) != (divisor < 0))
    return np.where(divisor == -1, -a, down + upward.astype(a.dtype))


def _trem(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a - _tdiv(a, b) * np.where(b == 0, b.dtype.type(1), b))


def _extremum(greater: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def pick(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        first = (a > b) if greater else (a < b)
        if a.dtype.kind != "f":
            return np.where(first, a, b)
        tie = (a == b) & (np.signbit(a) != greater)
        return np.where(np.isnan(a), a, np.where(np.isnan(b), b, np.where(first | tie, a, b)))

    return pick


def _shift(prim: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def shift(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
        bits = x.dtype.itemsize * 8
        legal = (amount >= 0) & (amount < bits)
        if prim == "shl":
            return np.asarray(np.where(legal, x << np.where(legal, amount, 0).astype(x.dtype), 0), x.dtype)
        y = x.astype(f"int{bits}" if prim == "ashr" else f"uint{bits}")
        by = np.where(legal, amount, 0).astype(y.dtype)
        beyond = y >> y.dtype.type(bits - 1) if prim == "ashr" else y.dtype.type(0)
        return np.asarray(np.where(legal, y >> by, beyond), x.dtype)

    return shift


_PRIMITIVES: Final[dict[str, Callable[..., object]]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "div": np.divide,
    "fma": fma,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rint": np.rint,
    "tdiv": _tdiv,
    "trem": _trem,
    "minimum": _extremum(greater=False),
    "maximum": _extremum(greater=True),
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "shl": _shift("shl"),
    "lshr": _shift("lshr"),
    "ashr": _shift("ashr"),
    "select": np.where,
}
