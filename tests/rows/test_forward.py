"""Every row forward: against finite differences to second order, against the double vjp, compiled against eager."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.dtypes import DType
from lithograph.ir.forward import Forward, pushed, transposed
from lithograph.ir.gradient import Applied, contribution, differentiable
from lithograph.ir.op import Op
from lithograph.ir.stage import current, entered

from ..codegen.programs import same_bits
from .differences import close, difference, slope_of
from .lowering import types_of
from .numpy_stage import Held, numpy_of, numpy_stage, slopes
from .test_native import FLOATS, titled
from .test_rows import DIFFERENTIABLE, along_each, cases, named, smooth, weighed

Case = tuple[list[np.ndarray], Attrs]


def tangent(function: Callable[..., Array], at: Sequence[Array], along: Sequence[np.ndarray]) -> Array:
    """The derivative of a function in a direction, forward; zeros where it does not move."""
    forward = Forward(current())
    fresh = [Held(numpy_of(x)) for x in at]
    for made, x, v in zip(fresh, at, along, strict=True):
        forward.alias(made, x)
        forward.move(made, Held(v))
    with entered(forward):
        y = function(*fresh)
    found = forward.tangent(y)
    return ops.zeros(y.shape, dtype=y.dtype) if found is None else found


def moving(op: Op, dtype: DType) -> Iterator[tuple[Case, list[np.ndarray]]]:
    """The samples of a row of which finite differences mean something, with the operands of the dtype."""
    for operands, attrs in cases(op, dtype):
        at = [x for x in operands if x.dtype == dtype.numpy]
        result = op.result_type(types_of(operands), attrs)
        if at and smooth(operands) and result.dtype.real is dtypes.float64:
            yield (operands, attrs), at


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_against_differences_to_second_order(op: Op) -> None:
    checked = 0
    for dtype in (dtypes.float64, dtypes.complex128):
        for (operands, attrs), at in moving(op, dtype):
            rng = np.random.default_rng(2)
            along, second = along_each(rng, at, 0.1), along_each(rng, at, 1.0)
            value = weighed(op, operands, attrs, dtype)
            slope = slope_of(value, second)  # Backwards: its tangent is forward over reverse.

            def forward(*points: Array, value: Callable[..., Array] = value, along: list[np.ndarray] = second) -> Array:
                return tangent(value, points, along)

            with numpy_stage():
                for function in (value, slope, forward):
                    points = [Held(x) for x in at]
                    found, expected = float(numpy_of(tangent(function, points, along))), difference(function, at, along)
                    assert close(found, expected), f"{types_of(operands)} {attrs}: {found} and {expected}"
                points = [Held(x) for x in at]
                back = slopes(forward, ops.ones_like, points)  # Reverse over forward.
                pairs = zip(back, along, strict=True)
                found = sum(float(np.sum(numpy_of(g) * v).real) for g, v in pairs if g is not None)
                assert close(found, difference(forward, at, along)), f"{types_of(operands)} {attrs}"
                checked += 1
    assert checked


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_the_rule_is_the_double_vjp(op: Op) -> None:
    checked = 0
    for dtype in (dtypes.float64, dtypes.complex128):
        for operands, attrs in cases(op, dtype):
            if not smooth(operands) or not op.result_type(types_of(operands), attrs).dtype.is_inexact:
                continue
            args = tuple([Held(x) for x in operands])
            with numpy_stage():
                y = op.call(*args, attrs) if op.attrs else op.call(*args)
                record = Applied(op, args, attrs, y)
                floats = [i for i, a in enumerate(args) if differentiable(record, i)]
                for some in chain.from_iterable(combinations(floats, k + 1) for k in range(len(floats))):
                    ts = [Held(t) for t in along_each(np.random.default_rng(3), [operands[i] for i in some], 1.0)]
                    given: list[Array | None] = [None] * len(args)
                    for i, t in zip(some, ts, strict=True):
                        given[i] = t
                    found = pushed(op, record, given)

                    def pull(
                        g: Sequence[Array], some: Sequence[int] = some, record: Applied = record
                    ) -> list[Array | None]:
                        return [contribution(record, i, g[0]) for i in some]

                    (expected,) = transposed(pull, [y._aval], ts)
                    assert found is not None and expected is not None and found._aval is y._aval
                    # The same products of float64s, summed in another order, and factorisations on the way.
                    np.testing.assert_allclose(numpy_of(found), numpy_of(expected), rtol=1e-9, atol=1e-9)
                    checked += 1
    assert checked


@pytest.mark.parametrize("kind", FLOATS, ids=titled)
def test_compiled_has_the_bits_of_eager(kind: tuple[Op, DType]) -> None:  # law 1
    op, dtype = kind
    for operands, attrs in cases(op, dtype):
        if not op.result_type(types_of(operands), attrs).dtype.is_inexact:
            continue
        floats = [i for i, x in enumerate(operands) if x.dtype.kind in "fc"]
        ts = [np.cos(np.arange(operands[i].size)).reshape(operands[i].shape).astype(operands[i].dtype) for i in floats]

        def run(
            xs: list[Array], ts: list[Array], operands: list[np.ndarray] = operands, attrs: Attrs = attrs,
            floats: list[int] = floats,
        ) -> tuple[Array, Array]:  # fmt: skip
            def f(*moved: Array) -> Array:
                every: list[Array | np.ndarray] = [*operands]
                for i, x in zip(floats, moved, strict=True):
                    every[i] = x
                return op.call(*every, attrs) if op.attrs else op.call(*every)

            return lg.jvp(f, xs, ts)

        given = [lg.tensor(operands[i]) for i in floats], [lg.tensor(t) for t in ts]
        for found, expected in zip(lg.function(run)(*given), run(*given), strict=True):
            assert same_bits(found.numpy(), expected.numpy()), f"{types_of(operands)} {attrs}:\n{found}\n{expected}"
