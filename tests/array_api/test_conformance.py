"""Every function of the Array API standard: its signature, its results in each dtype, the same bits compiled."""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from . import standard
from .cases import CASES, ON_NO_ARRAYS, Case, Names, dtypes_of, inputs

SIGNATURES = standard.signatures()
COMPILED = ("bool", "int32", "float32", "complex64")
"""The dtypes in which results are also compared between eager and compiled calls."""


def provided(name: str) -> bool:
    try:
        operator.attrgetter(name)(lg)
    except AttributeError:
        return False
    return True


def wanted_dtype(case: Case, dtype: str) -> str:
    """The dtype of the result."""
    kind, bits = np.dtype(dtype).kind, np.dtype(dtype).itemsize * 8
    if case.result == "bool":
        return "bool"
    if case.result == "index":
        return "int64"
    if case.result == "int":
        return "int32"
    if case.result == "real" and kind == "c":
        return f"float{bits // 2}"
    if case.result == "complex" and kind == "f":
        return f"complex{bits * 2}"
    if case.result == "sum" and kind in "iu" and bits < 32:
        # The default integer is int32, and it is unsigned where the elements are.
        return "int32" if kind == "i" else "uint32"
    return dtype


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, list | tuple) else [result]


def tolerance(dtype: np.dtype[Any]) -> float:
    """Relative: NumPy's functions and ours are each within some ULPs, and decompositions lose a digit more."""
    return 256 * float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


def fault(name: str, dtype: str) -> str | None:
    """What is wrong with a function in a dtype; None where it does what NumPy does."""
    case = CASES[name]
    x, y = inputs(case, dtype)
    try:
        found = case.call(Names(lg, name, dtype, x, y))
    except (lg.LithographError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    with np.errstate(all="ignore"):
        expected = case.call(Names(np, name, dtype, x, y))
    if len(parts(found)) != len(parts(expected)):
        return "another number of results"
    for ours, theirs in zip(parts(found), parts(expected), strict=True):
        a, b = np.asarray(ours), np.asarray(theirs)
        if case.result and a.dtype != wanted_dtype(case, dtype):
            return f"the dtype is {a.dtype}, not {wanted_dtype(case, dtype)}"
        if a.shape != b.shape:
            return f"the shape is {a.shape}, not {b.shape}"
        bound = tolerance(a.dtype)
        near = np.allclose(a, b, rtol=bound, atol=bound, equal_nan=True) if bound else np.array_equal(a, b)
        if case.values and not near:
            return f"the values are {a}, not {b}"
    return None


NAMES = [name for name in CASES if provided(name)]


@pytest.mark.parametrize("name", [name for name in SIGNATURES if provided(name)])
def test_signatures(name: str) -> None:
    """Parameters may be given in more ways than the standard asks for, never in fewer."""
    ours = inspect.signature(operator.attrgetter(name)(lg)).parameters
    for theirs in SIGNATURES[name].parameters.values():
        mine = ours[theirs.name] if theirs.kind is not theirs.VAR_POSITIONAL else next(iter(ours.values()))
        assert theirs.default is theirs.empty or mine.default == theirs.default, theirs.name
        either = mine.kind is mine.POSITIONAL_OR_KEYWORD and theirs.kind is not theirs.VAR_POSITIONAL
        assert either or mine.kind is theirs.kind, theirs.name
    extra = [p for n, p in ours.items() if n not in SIGNATURES[name].parameters]
    assert all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in extra)


@pytest.mark.parametrize("name", NAMES)
def test_results(name: str) -> None:
    faults = {dtype: found for dtype in dtypes_of(CASES[name]) if (found := fault(name, dtype)) is not None}
    assert faults == {}


@pytest.mark.parametrize("name", [name for name in NAMES if CASES[name].compiled])
def test_compiled_as_eager(name: str) -> None:
    case = CASES[name]
    for dtype in dtypes_of(case):
        if dtype not in COMPILED:
            continue
        names = Names(lg, name, dtype, *inputs(case, dtype))

        def body(x: Any, y: Any, names: Names = names) -> Any:
            names.x, names.y = x, y
            return case.call(names)

        x, y = names.x, names.y
        compiled = lg.function(body)
        if case.compiled == "refused":
            with pytest.raises(lg.LithographError):
                compiled(x, y)
            continue
        expected = parts(body(x, y))
        for a, b in zip(parts(compiled(x, y)), expected, strict=True):
            assert (a.shape, a.dtype, a.numpy().tobytes()) == (b.shape, b.dtype, b.numpy().tobytes())


@pytest.mark.parametrize("shape", [(), (0, 3)], ids=str)
@pytest.mark.parametrize("name", [n.partition("(")[0] for n in standard.FUNCTIONS["elementwise"] if n[:4] != "clip"])
def test_elementwise_functions_of_numbers_and_of_nothing(name: str, shape: tuple[int, ...]) -> None:
    if not provided(name):
        return
    case = CASES[name]
    dtype = next(d for d in ("float32", "int32", "bool", "complex64") if d in dtypes_of(case))
    x, y = inputs(case, dtype, (shape, shape))
    found, expected = (np.asarray(case.call(Names(xp, name, dtype, x, y))) for xp in (lg, np))
    assert found.shape == shape and found.dtype == wanted_dtype(case, dtype)
    np.testing.assert_allclose(found, expected, rtol=tolerance(np.dtype("float32")))


def test_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all functions of arrays in all their dtypes, nearly all are provided and agree with NumPy."""
    lines: list[str] = []
    for space, least in (("", 0.97), ("linalg", 0.97), ("fft", 0.97)):
        asked = [n for n in CASES if (n.partition(".")[0] if "." in n else "") == space]
        cases = [(name, dtype) for name in asked for dtype in dtypes_of(CASES[name])]
        wrong = [(name, dtype) for name, dtype in cases if not provided(name) or fault(name, dtype) is not None]
        rate = 1 - len(wrong) / len(cases)
        lines.append(f"{space or 'main namespace'}: {len(cases) - len(wrong)} of {len(cases)} ({rate:.1%})")
        absent = sorted({name for name, _ in wrong if not provided(name)})
        with capsys.disabled():
            print(f"\nArray API {standard.VERSION}, {lines[-1]}" + (f"; absent: {', '.join(absent)}" * bool(absent)))
        assert rate >= least, wrong


def test_constants() -> None:
    assert (lg.e, lg.inf, lg.pi, lg.newaxis) == (np.e, np.inf, np.pi, None)
    assert lg.nan != lg.nan


def test_functions_on_no_arrays_are_few() -> None:
    assert sorted(ON_NO_ARRAYS) == [
        "__array_namespace_info__", "can_cast", "finfo", "iinfo", "isdtype", "result_type",
    ]  # fmt: skip
