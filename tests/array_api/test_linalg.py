"""lithograph.linalg against NumPy and the standard's definitions: eager, compiled, batched, empty, singular."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

from ..codegen.programs import same_bits
from .gradients import check

# Some of these are beyond the standard.
EXTENSION = {
    *("cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power"),
    *("matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot"),
    *("trace", "vecdot", "vector_norm"),
}
FLOATS = ("float32", "float64")
SQUARES = [(3, 3), (1, 1), (2, 4, 4), (0, 0), (0, 2, 2), (2, 0, 0), (2, 1, 3, 3)]
MATRICES = [*SQUARES, (2, 3), (4, 3), (2, 5, 2), (0, 3), (3, 0), (2, 0, 3), (0, 3, 2)]


def drawn(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def drawn_complex(shape: tuple[int, ...], dtype: str = "complex128") -> np.ndarray:
    return np.asarray(drawn(shape) + 1j * drawn(shape, seed=1), dtype)


def regular(shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    """Square matrices far from singular."""
    return np.asarray(drawn(shape, dtype) + 2 * np.eye(shape[-1], dtype=dtype))


def positive(shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    """Symmetric positive definite matrices with eigenvalues that lie apart."""
    x = drawn(shape)
    scale = np.diag(1.0 + np.arange(shape[-1]))
    return np.asarray(0.1 * (x + turned(x)) + scale, dtype)


def both(function: Callable[..., object], *operands: np.ndarray) -> tuple[np.ndarray, ...]:
    """All parts of the result, eager; compiled has the same bits."""
    found = _parts(function(*operands))
    for a, b in zip(found, _parts(lg.function(function)(*operands)), strict=True):
        assert same_bits(a, b)
    return found


def _parts(result: object) -> tuple[np.ndarray, ...]:
    parts: Sequence[object] = result if isinstance(result, tuple) else (result,)
    return tuple([x.numpy() for x in parts if isinstance(x, Array)])


def near(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal dtype and shape; values differ by less than the hundred roundings that each is made of."""
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    if expected.size:
        largest = max(float(np.max(np.abs(expected))), 1.0)
        assert np.allclose(found, expected, rtol=0, atol=100 * np.finfo(expected.dtype).eps * largest)


def turned(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.swapaxes(x, -1, -2))


def test_the_extension_is_whole() -> None:
    assert set(lg.linalg.__all__) >= EXTENSION
    assert lg.linalg.matmul is lg.matmul and lg.linalg.vecdot is lg.vecdot and lg.linalg.tensordot is lg.tensordot


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SQUARES)
def test_functions_of_square_matrices_are_numpys(shape: tuple[int, ...], dtype: str) -> None:
    x, spd = regular(shape, dtype), positive(shape, dtype)
    for ours, numpys, at in (
        (lg.linalg.inv, np.linalg.inv, x),
        (lg.linalg.det, np.linalg.det, x),
        (lg.linalg.cholesky, np.linalg.cholesky, spd),
        (lg.linalg.eigvalsh, np.linalg.eigvalsh, spd),
    ):
        (found,) = both(ours, at)
        expected = np.asarray(numpys(at))
        assert found.dtype == expected.dtype and same_bits(found, expected)
    for a, b in zip(both(lg.linalg.eigh, spd), np.linalg.eigh(spd), strict=True):
        assert same_bits(a, np.ascontiguousarray(b))
    for a, b in zip(both(lg.linalg.slogdet, x), np.linalg.slogdet(x), strict=True):
        assert same_bits(a, np.asarray(b))
    (upper,) = both(lambda x: lg.linalg.cholesky(x, upper=True), spd)
    assert same_bits(upper, np.ascontiguousarray(turned(np.linalg.cholesky(spd))))


def test_what_is_not_symmetric_counts_as_its_mean() -> None:
    x = positive((3, 3)) + 0.1 * drawn((3, 3))
    mean = (x + x.T) / 2
    for f in (lg.linalg.cholesky, lg.linalg.eigvalsh):
        near(f(x).numpy(), f(mean).numpy())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", MATRICES)
def test_singular_values(shape: tuple[int, ...], dtype: str) -> None:
    x = drawn(shape, dtype)
    for full in (True, False):
        u, s, vh = both(lambda x, full=full: lg.linalg.svd(x, full_matrices=full), x)
        for a, b in zip((u, s, vh), np.linalg.svd(x, full_matrices=full), strict=True):
            assert same_bits(a, np.ascontiguousarray(b))
        k = s.shape[-1]
        near((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], x)
    assert same_bits(both(lg.linalg.svdvals, x)[0], np.linalg.svd(x, compute_uv=False))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", MATRICES)
def test_qr(shape: tuple[int, ...], dtype: str) -> None:
    x = drawn(shape, dtype)
    for mode in ("reduced", "complete"):
        q, r = both(lambda x, mode=mode: lg.linalg.qr(x, mode=mode), x)
        for a, b in zip((q, r), np.linalg.qr(x, mode), strict=True):
            assert same_bits(a, np.ascontiguousarray(b))
        near(q @ r, x)


@pytest.mark.parametrize("shape", MATRICES)
def test_pseudo_inverses(shape: tuple[int, ...]) -> None:
    x = drawn(shape)
    (found,) = both(lg.linalg.pinv, x)
    near(found, np.linalg.pinv(x, rtol=max(shape[-2:]) * np.finfo(x.dtype).eps))
    near(x @ found @ x, x)


def test_tolerances_are_shares_of_the_largest_singular_value() -> None:
    x = np.diag([1.0, 1e-3, 1e-6])
    stack = np.stack([x, x])
    assert lg.linalg.matrix_rank(x).item() == 3
    assert lg.linalg.matrix_rank(x, rtol=1e-4).item() == 2
    assert lg.linalg.matrix_rank(stack, rtol=lg.tensor([1e-2, 1e-4])).tolist() == [1, 2]
    near(lg.linalg.pinv(x, rtol=1e-4).numpy(), np.diag([1.0, 1e3, 0.0]))
    near(lg.linalg.pinv(stack, rtol=np.array([1e-2, 1e-4])).numpy()[0], np.diag([1.0, 0.0, 0.0]))


@pytest.mark.parametrize("shape", MATRICES)
def test_rank(shape: tuple[int, ...]) -> None:
    x = drawn(shape)
    if shape[-1] > 1:
        x[..., 1] = x[..., 0]
    (found,) = both(lg.linalg.matrix_rank, x)
    assert found.dtype == np.int32 and np.array_equal(found, np.linalg.matrix_rank(x))


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 1, 3, 3), (4, 3, 1)), ((2, 2), (3, 2, 2)),
     ((0, 0), (0,)), ((2, 2), (2, 0)), ((0, 2, 2), (2, 1))],
)  # fmt: skip
def test_solutions(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    for dtype in FLOATS:
        x, y = regular(a, dtype), drawn(b, dtype)
        (found,) = both(lg.linalg.solve, x, y)
        assert same_bits(found, np.linalg.solve(x, y))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 7])
def test_powers(n: int) -> None:
    for shape in ((3, 3), (2, 2, 2), (0, 0)):
        near(both(lambda x: lg.linalg.matrix_power(x, n), regular(shape))[0], np.linalg.matrix_power(regular(shape), n))
    whole = np.arange(4, dtype=np.int32).reshape(2, 2)
    if n >= 0:
        assert np.array_equal(lg.linalg.matrix_power(whole, n).numpy(), np.linalg.matrix_power(whole, n))


@pytest.mark.parametrize("offset", [0, 1, -2, 9])
def test_diagonals_and_traces(offset: int) -> None:
    x = np.arange(24, dtype=np.int8).reshape(2, 3, 4)
    (found,) = both(lambda x: lg.linalg.diagonal(x, offset=offset), x)
    assert np.array_equal(found, np.linalg.diagonal(x, offset=offset))
    assert lg.linalg.diagonal(x, offset=offset * 2**64 or 2**64).shape == (2, 0)
    (found,) = both(lambda x: lg.linalg.trace(x, offset=offset), x)
    assert found.dtype == np.int32 and np.array_equal(found, np.linalg.trace(x, offset=offset))
    assert lg.linalg.trace(x, offset=offset, dtype=lg.float64).dtype is lg.float64


ORDERS = (0, 1, 2, 3, 0.5, -1, -2, math.inf, -math.inf)


@pytest.mark.parametrize("order", ORDERS)
def test_vector_norms(order: float) -> None:
    x = drawn((2, 3, 4))
    axes: tuple[int | tuple[int, ...] | None, ...] = (None, 0, -1, (0, 2), (2, 0))
    for axis in axes:
        for keepdims in (False, True):
            found = lg.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=order)
            expected = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=order)  # type: ignore[arg-type]
            near(found.numpy(), expected)
    near(both(lambda x: lg.linalg.vector_norm(x, axis=1, ord=order), x)[0], np.linalg.vector_norm(x, axis=1, ord=order))
    if order not in (math.inf, -math.inf) and order >= 0:
        assert lg.linalg.vector_norm(np.zeros((0,)), ord=order).item() == 0
    assert lg.linalg.vector_norm(np.array(-3.0), ord=2).item() == 3


MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


@pytest.mark.parametrize("order", MATRIX_ORDERS)
def test_matrix_norms(order: float | str) -> None:
    for shape in ((3, 4), (2, 4, 3), (0, 2, 3)):
        x = drawn(shape)
        for keepdims in (False, True):
            expected = np.linalg.matrix_norm(x, keepdims=keepdims, ord=order)  # type: ignore[arg-type]
            near(both(lambda x, k=keepdims: lg.linalg.matrix_norm(x, keepdims=k, ord=order), x)[0], expected)
    x = drawn((2, 3, 4))
    for axis in ((0, 1), (2, 0), (-1, 1)):
        for keepdims in (False, True):
            expected = np.linalg.norm(x, order, axis, keepdims)  # type: ignore[arg-type]
            near(lg.linalg.norm(x, ord=order, axis=axis, keepdims=keepdims).numpy(), expected)


def test_norm_is_numpys() -> None:
    x = drawn((3, 4))
    cases: tuple[tuple[Any, Any], ...] = (
        (None, None), (None, 0), (3, 1), (1, None), ("fro", None), (None, (0, 1)),
    )  # fmt: skip
    for order, axis in cases:
        near(lg.linalg.norm(x, ord=order, axis=axis).numpy(), np.asarray(np.linalg.norm(x, order, axis)))
    near(lg.linalg.norm(x[0], ord=1).numpy(), np.asarray(np.linalg.norm(x[0], 1)))


@pytest.mark.parametrize(("a", "b"), [((5, 3), (5,)), ((5, 3), (5, 2)), ((3, 5), (3,)), ((3, 3), (3, 1))])
def test_least_squares(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = drawn(a), drawn(b, seed=1)
    found = both(lg.linalg.lstsq, x, y)
    expected = np.linalg.lstsq(x, y)
    near(found[0], expected[0])
    near(found[1], np.asarray(np.sum((x @ expected[0] - y) ** 2, axis=0)))
    assert found[2] == expected[2]
    near(found[3], expected[3])


def test_stacks_of_least_squares() -> None:
    x, y = drawn((2, 4, 3)), drawn((2, 4, 1))
    solution, residuals, rank, values = both(lg.linalg.lstsq, x, y)
    assert solution.shape == (2, 3, 1) and residuals.shape == (2, 1) and rank.tolist() == [3, 3]
    assert values.shape == (2, 3)


def test_integers_count_as_float32() -> None:
    x = np.array([[2, 1], [1, 3]])
    for f in (lg.linalg.inv, lg.linalg.det, lg.linalg.cholesky, lg.linalg.svdvals, lg.linalg.matrix_norm):
        assert f(x).dtype is lg.float32
    assert lg.linalg.solve(x, np.array([1, 2])).dtype is lg.float32
    assert lg.linalg.solve(x, np.array([1.0, 2.0])).dtype is lg.float64


NAN = np.full((2, 2), np.nan)


@pytest.mark.parametrize(
    ("function", "bad", "text"),
    [
        (lg.linalg.inv, np.ones((2, 2)), "is singular and has no inverse"),
        (lambda x: lg.linalg.solve(x, np.ones(2)), np.ones((2, 2)), "is singular"),
        (lg.linalg.cholesky, -np.eye(2), "is not positive definite"),
        (lg.linalg.svd, NAN, "has no singular values"),
        (lg.linalg.svdvals, NAN, "has no singular values"),
        (lg.linalg.pinv, NAN, "has no singular values"),
    ],
)
def test_what_has_no_answer_is_named(function: Callable[[object], Array], bad: np.ndarray, text: str) -> None:
    good = np.eye(2) + np.zeros((2, 3, 2, 2))
    stack = good.copy()
    stack[1, 2] = bad
    for call in (function, lg.function(function)):
        with pytest.raises(lg.LinAlgError, match=rf"the matrix {text}"):
            call(bad)
        with pytest.raises(np.linalg.LinAlgError, match=rf"the matrix at batch index \(1, 2\) {text}"):
            call(stack)
        call(good)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_gives_what_numpy_gives(bad: float) -> None:
    x = np.eye(3)
    x[0, 1] = x[1, 0] = bad
    with np.errstate(all="ignore"):
        for ours, numpys in (
            (lg.linalg.inv, np.linalg.inv),
            (lg.linalg.det, np.linalg.det),
            (lg.linalg.eigvalsh, np.linalg.eigvalsh),
            (lg.linalg.qr, np.linalg.qr),
            (lg.linalg.slogdet, np.linalg.slogdet),
        ):
            expected: object = numpys(x)
            numpy_parts = expected if isinstance(expected, tuple) else (expected,)
            for a, b in zip(both(ours, x), numpy_parts, strict=True):
                assert np.array_equal(a, b, equal_nan=True)


def test_symbolic_extents_of_batches() -> None:
    f = lg.function(lambda x: lg.linalg.svd(x, full_matrices=False).S + lg.linalg.inv(x)[..., 0])
    for n in (1, 4, 0, 6):
        x = regular((n, 3, 3))
        near(f(x).numpy(), np.linalg.svd(x, compute_uv=False) + np.linalg.inv(x)[..., 0])


@pytest.mark.parametrize("name", ["inv", "det", "cholesky", "eigh", "svd", "qr", "pinv", "matrix_rank", "trace"])
def test_symbolic_extents_of_matrices(name: str) -> None:
    function = getattr(lg.linalg, name)
    f = lg.function(function, input_signature=[lg.TensorSpec(("n", "n"), lg.float64)])
    for n in (3, 5):
        x = positive((n, n))
        for a, b in zip(_parts(f(x)), _parts(function(x)), strict=True):
            assert same_bits(a, b)
    assert f.trace_count == 1


def test_symbolic_extents_of_gradients() -> None:
    f = lg.grad(lambda x: lg.sum(lg.linalg.cholesky(x)) + lg.linalg.slogdet(x).logabsdet)
    compiled = lg.function(f, input_signature=[lg.TensorSpec(("n", "n"), lg.float64)])
    for n in (3, 5):
        assert same_bits(compiled(positive((n, n))).numpy(), f(positive((n, n))).numpy())


def polar(x: Array) -> Array:
    u, _, vh = lg.linalg.svd(x, full_matrices=False)
    return u @ vh


GRADIENTS: list[tuple[str, Callable[[Array], Array], tuple[int, ...]]] = [
    ("pinv of a wide matrix", lg.linalg.pinv, (2, 3)),
    ("upper", lambda x: lg.linalg.cholesky(x, upper=True), (3, 3)),
    ("polar factor", polar, (3, 2)),
    ("wide polar factor", polar, (2, 3)),
    ("wide qr", lambda x: lg.linalg.qr(x).R + lg.linalg.qr(x).Q[:, :1], (3, 5)),
    ("logarithm", lambda x: lg.linalg.slogdet(x).logabsdet, (2, 3, 3)),
    ("eigenvalues", lambda x: lg.linalg.eigh(x).eigenvalues ** 2, (3, 3)),
    ("power", lambda x: lg.linalg.matrix_power(x, -3), (2, 2)),
    ("least squares", lambda x: lg.linalg.lstsq(x, np.arange(3.0)).solution, (3, 2)),
    *[(f"norm {o}", lambda x, o=o: lg.linalg.matrix_norm(x, ord=o), (2, 3, 4)) for o in MATRIX_ORDERS],
    *[(f"vector norm {o}", lambda x, o=o: lg.linalg.vector_norm(x, ord=o, axis=0), (3, 2)) for o in ORDERS[1:]],
    ("vector", lambda x: lg.linalg.solve(x, np.arange(3.0)), (3, 3)),
    ("cross", lambda x: lg.cross(x, x[::-1] * x), (2, 3)),
    ("kron", lambda x: lg.kron(x, x), (2, 2)),
    ("trace", lambda x: lg.linalg.trace(x @ x, offset=1), (3, 3)),
]


@pytest.mark.parametrize(("function", "shape"), [g[1:] for g in GRADIENTS], ids=[g[0] for g in GRADIENTS])
def test_gradients_to_second_order(function: Callable[[Array], Array], shape: tuple[int, ...]) -> None:
    x = 0.2 * drawn(shape)
    for i in range(min(shape[-2:])):
        x[..., i, i] += 1.0 + i
    check(function, [x])


def rebuilt(x: Array) -> Array:
    """A function of the vectors that does not depend on their phases."""
    w, v = lg.linalg.eigh(x)
    return (v * lg.exp(-w)) @ lg.conj(v).mT


def cube(x: Array) -> Array:
    """The same of general matrices."""
    w, v = lg.linalg.eig(x)
    return (v * (w * w * w)) @ lg.linalg.inv(v)


COMPLEX_GRADIENTS: list[tuple[str, Callable[[Array], Array], tuple[int, ...]]] = [
    ("polar factor", polar, (3, 2)),
    ("wide polar factor", polar, (2, 3)),
    ("inverse", lambda x: lg.linalg.inv(x) @ lg.conj(x), (3, 3)),
    ("sign", lambda x: lg.linalg.slogdet(x).sign * lg.linalg.slogdet(x).logabsdet, (3, 3)),
    ("cholesky", lambda x: lg.linalg.cholesky(x @ lg.conj(x).mT), (3, 3)),
    ("hermitian", rebuilt, (3, 3)),
    ("hermitian values", lg.linalg.eigvalsh, (3, 3)),
    ("values", lambda x: lg.square(lg.linalg.eigvals(x)), (3, 3)),
    ("cube", cube, (3, 3)),
    ("wide qr", lambda x: lg.linalg.qr(x).R, (2, 4)),
    ("norm", lg.linalg.matrix_norm, (2, 3)),
    ("nuclear norm", lambda x: lg.linalg.matrix_norm(x, ord="nuc"), (2, 3)),
    ("dot", lambda x: lg.vecdot(x, x * x), (2, 3)),
    ("einsum", lambda x: lg.einsum("ij,kj,ii->k", x, x, x), (3, 3)),
]


@pytest.mark.parametrize(
    ("function", "shape"), [g[1:] for g in COMPLEX_GRADIENTS], ids=[g[0] for g in COMPLEX_GRADIENTS]
)
def test_gradients_of_complex_matrices(function: Callable[[Array], Array], shape: tuple[int, ...]) -> None:
    x = 0.2 * drawn_complex(shape)
    for i in range(min(shape)):
        x[i, i] += 1.0 + i
    check(function, [x])


def test_gradients_of_eigenvalues_of_real_matrices() -> None:
    x = drawn((3, 3))
    assert np.iscomplex(np.linalg.eigvals(x)).any()
    check(lg.linalg.eigvals, [x])
    check(cube, [x])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (0, 0), (0, 2, 2)])
def test_complex_matrices(shape: tuple[int, ...], dtype: str) -> None:
    x = np.asarray(drawn_complex(shape, dtype) + 2 * np.eye(shape[-1]), dtype)
    spd = np.asarray(x @ np.conj(turned(x)) + np.eye(shape[-1]), dtype)
    for ours, numpys, at in (
        (lg.linalg.inv, np.linalg.inv, x),
        (lg.linalg.det, np.linalg.det, x),
        (lg.linalg.svdvals, lambda x: np.linalg.svd(x, compute_uv=False), x),
        (lg.linalg.slogdet, np.linalg.slogdet, x),
        (lg.linalg.svd, np.linalg.svd, x),
        (lg.linalg.eig, np.linalg.eig, x),
        (lg.linalg.qr, np.linalg.qr, x),
        (lg.linalg.eigvals, np.linalg.eigvals, x),
        (lg.linalg.cholesky, np.linalg.cholesky, spd),
        (lg.linalg.eigh, np.linalg.eigh, spd),
        (lg.linalg.eigvalsh, np.linalg.eigvalsh, spd),
        (lg.linalg.matrix_norm, np.linalg.matrix_norm, x),
        (lg.linalg.vector_norm, np.linalg.vector_norm, x),
        (lg.linalg.trace, np.linalg.trace, x),
        (lg.linalg.pinv, lambda x: np.linalg.pinv(x, rtol=max(x.shape[-2:]) * np.finfo(x.dtype).eps), x),
    ):
        expected: Any = numpys(at)
        for a, b in zip(both(ours, at), expected if isinstance(expected, tuple) else (expected,), strict=True):
            near(a, np.asarray(b))
    y = drawn_complex((*shape[:-1], 2), dtype)
    near(both(lg.linalg.solve, x, y)[0], np.linalg.solve(x, y))
    near(both(lg.linalg.lstsq, x, y)[0], np.linalg.solve(x, y))
    near(both(lg.vecdot, x, x)[0], np.vecdot(x, x))


def test_general_eigenvalues() -> None:
    for dtype in FLOATS:
        x = drawn((4, 4), dtype)
        w, v = both(lg.linalg.eig, x)
        assert w.dtype == v.dtype == np.result_type(x, np.complex64)
        near(x @ v, w * v)
        near(both(lg.linalg.eigvals, x)[0], np.linalg.eigvals(x).astype(w.dtype))
    with pytest.raises(lg.LinAlgError, match="eig: the matrix has no eigenvalues"):
        lg.linalg.eig(NAN)


def test_half_precision_is_computed_in_float32() -> None:
    x = regular((3, 3), "float32")
    for dtype in (lg.float16, lg.bfloat16):
        half = lg.astype(x, dtype)
        for f in (lg.linalg.inv, lg.linalg.det, lg.linalg.svdvals, lg.linalg.pinv, lambda x: x @ x):
            expected = lg.astype(f(lg.astype(half, lg.float32)), dtype)
            for found in (f(half), lg.function(f)(half)):
                assert found.dtype is dtype
                assert lg.astype(found, lg.float32).tolist() == lg.astype(expected, lg.float32).tolist()


def test_gradients_that_singular_matrices_have() -> None:
    near(lg.grad(lg.linalg.det)(np.ones((2, 2))).numpy(), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert lg.grad(lg.linalg.vector_norm)(np.zeros(3)).tolist() == [0, 0, 0]
    # Equal eigenvalues and singular values: the sum and the pseudo-inverse vary smoothly there.
    assert lg.grad(lambda x: lg.sum(lg.linalg.eigh(x).eigenvalues))(np.eye(3)).tolist() == np.eye(3).tolist()
    assert lg.grad(lambda x: lg.linalg.trace(lg.linalg.pinv(x)))(np.eye(2)).tolist() == (-np.eye(2)).tolist()
    # The factor of the rotation does too: by its definition, the derivative at the identity is the skew part.
    slope = lg.grad(lambda x: polar(x)[0, 1])(np.eye(2))
    assert slope.tolist() == [[0, 0.5], [-0.5, 0]]
    # A function of vectors that are free to turn has no derivative, and says so.
    assert np.isnan(lg.grad(lambda x: lg.linalg.eigh(x).eigenvectors[0, 1])(np.eye(2)).numpy()).any()


def test_gradients_that_do_not_exist_are_refused() -> None:
    x = drawn((3, 2))
    with pytest.raises(lg.DomainError, match=r"svd: whole factors .* have no gradient.*full_matrices=False"):
        lg.grad(lambda x: lg.sum(lg.linalg.svd(x).S))(x)
    with pytest.raises(lg.DomainError, match=r"qr: whole factors .*mode='reduced'"):
        lg.grad(lambda x: lg.sum(lg.linalg.qr(x, mode="complete").R))(x)
    with pytest.raises(lg.LinAlgError, match=r"inv: the matrix is singular"):
        lg.grad(lambda x: lg.linalg.slogdet(x).logabsdet)(np.ones((2, 2)))


def test_training_compiles_as_one_program() -> None:
    """A Gaussian process: the log-likelihood of noise and scale, its gradient compiled and eager."""
    rng = np.random.default_rng(0)
    at, y = rng.uniform(0, 1, 8), rng.standard_normal(8)

    def loss(noise: Array, scale: Array) -> Array:
        distance = (lg.expand_dims(at, axis=1) - at) / scale
        k = lg.exp(-(distance**2)) + lg.eye(8, dtype=lg.float64) * noise
        lower = lg.linalg.cholesky(k)
        half = lg.linalg.solve(lower, y)
        return lg.sum(half**2) / 2 + lg.sum(lg.log(lg.linalg.diagonal(lower)))

    for argnums in (0, 1):
        slope = lg.grad(loss, argnums)
        assert same_bits(slope(0.3, 0.5).numpy(), lg.function(slope)(0.3, 0.5).numpy())
