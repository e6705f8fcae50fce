"""What plain Python could do and a trace cannot: each is an error that names the line and a way out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg


def f_if(x: lg.Array) -> lg.Array:
    if x.sum() > 0:
        return x
    return -x


def test_if() -> None:
    assert traced_whole(f_if) == (
        "the truth value of a traced tensor (bool[]) is not known while 'f_if' is being traced; an `if`, "
        "`while`, `and`, `or` or `not` cannot depend on it; choose between values with "
        "lithograph.where(condition, a, b)\n"
        f"  at {__file__}:{f_if.__code__.co_firstlineno + 1}\n"
        "    if x.sum() > 0:\n"
        "       ^"
    )


def traced_whole(f: Callable[[lg.Array], object]) -> str:
    with pytest.raises(lg.TraceError) as error:
        lg.function(f)(np.ones(2, np.float32))
    return str(error.value)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda x: x if x[0] else -x, "the truth value of a traced tensor (float32[])"),
        (lambda x: float(x[0]), "the float of a traced tensor"),
        (lambda x: int(x[0]), "the int of a traced tensor"),
        (lambda x: range(x[0]), "the index given by a traced tensor"),
        (lambda x: math.sin(x[0]), "the float of a traced tensor"),
        (np.asarray, "the NumPy array of a traced tensor"),
        (np.sum, "what numpy.sum needs of a traced tensor"),
        (lambda x: x[:1].numpy(), "the NumPy array of a traced tensor"),
        (lambda x: x[0].item(), "the item of a traced tensor"),
        (lambda x: x[:1].tolist(), "the list of a traced tensor"),
        (lambda x: list(x[0]), "iteration over a 0-d tensor"),
    ],
)
def test_values_are_not_known(body: Callable[[lg.Array], object], text: str) -> None:
    with pytest.raises(lg.TraceError) as error:
        lg.function(body)(np.ones(2, np.float32))
    assert str(error.value).startswith(text) and f"at {__file__}:" in str(error.value)


def test_numpy_functions_name_ours() -> None:
    with pytest.raises(lg.TraceError, match=r"use lithograph\.sum instead"):
        lg.function(lambda x: np.sum(x) + 0)(np.ones(2, np.float32))


def test_leaked_tensors_raise_when_used() -> None:  # A1.8
    kept: list[lg.Array] = []

    @lg.function
    def leaky(x: lg.Array) -> lg.Array:
        kept.append(x * 2)
        return x

    leaky(np.ones(2, np.float32))
    line = leaky.python_function.__code__.co_firstlineno + 2
    for use in (lambda: kept[0] + 1, lambda: leaky(kept[0]), lambda: lg.grad(lambda v: v * kept[0])(1.0)):
        with pytest.raises(lg.StateError) as error:
            use()
        text = str(error.value)
        assert text.startswith("a traced tensor (float32[2]) of 'leaky' was used after its trace ended.")
        assert f"made at {__file__}:{line}" in text
    assert lg.function(lambda x: x)(np.ones(1, np.float32)).item() == 1


def test_errors_name_the_line_in_the_body() -> None:
    def f(x: lg.Array) -> lg.Array:
        y = x * 2
        return y + np.ones(3, np.float32)

    with pytest.raises(lg.ShapeError) as error:
        lg.function(f)(np.ones(2, np.float32))
    assert f"at {__file__}:{f.__code__.co_firstlineno + 2}" in str(error.value)
    assert "return y + np.ones(3, np.float32)" in str(error.value)


def test_a_failed_trace_leaves_nothing_behind() -> None:
    v = lg.Variable([1.0, 1.0])

    @lg.function
    def f(x: lg.Array, fail: bool) -> lg.Array:
        v.assign_add(x)
        if fail:
            raise KeyError("mine")
        return v * 1

    x = np.ones(2, np.float32)
    with pytest.raises(KeyError, match="mine"):
        f(x, True)
    assert v.numpy().tolist() == [1, 1] and f.trace_count == 0
    assert f(x, False).tolist() == [2, 2]
    assert (lg.tensor([1.0]) + 1).item() == 2
