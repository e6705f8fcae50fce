"""Complex numbers: where they meet others, on their way in and out, on the host in programs, and in gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.text import show

X = np.array([[1 + 2j, -0.5j], [3, 2 - 1j]], np.complex64)


def test_where_complex_numbers_meet_others() -> None:
    c64, c128 = lg.ones((2,), dtype=lg.complex64), lg.ones((2,), dtype=lg.complex128)
    for other, met in (
        (lg.bool_, lg.complex64), (lg.int64, lg.complex64), (lg.float16, lg.complex64), (lg.bfloat16, lg.complex64),
        (lg.float32, lg.complex64), (lg.float64, lg.complex128), (lg.complex128, lg.complex128),
    ):  # fmt: skip
        assert (c64 + lg.ones((2,), dtype=other)).dtype is met
        assert (c128 + lg.ones((2,), dtype=other)).dtype is lg.complex128
    for dtype, met in (
        (lg.int8, lg.complex64), (lg.float16, lg.complex64), (lg.float32, lg.complex64), (lg.float64, lg.complex128),
        (lg.complex64, lg.complex64), (lg.complex128, lg.complex128),
    ):  # fmt: skip
        x = lg.ones((2,), dtype=dtype)
        assert (x * 2j).dtype is (1j + x).dtype is met
        assert lg.function(lambda x: x * 2j)(x).dtype is met
    assert (c64 * 2).dtype is (c64 * 0.5).dtype is (c64 * True).dtype is lg.complex64
    assert lg.result_type(lg.float16, lg.bfloat16) is lg.float32


def test_in_and_out() -> None:
    x = lg.tensor([1, 2.5 - 1j])
    assert x.dtype is lg.complex64 and x.tolist() == [1 + 0j, 2.5 - 1j]
    assert x[1].item() == complex(x[1]) == 2.5 - 1j
    assert repr(x) == "tensor([1. +0.j, 2.5-1.j], dtype=complex64)"
    assert lg.full((2,), 1j).dtype is lg.complex64 and lg.zeros((2,), dtype=complex).dtype is lg.complex64
    assert lg.linspace(0, 1 + 2j, 3).tolist() == [0, 0.5 + 1j, 1 + 2j]
    assert np.array_equal(lg.tensor(X).numpy(), X)
    for wrong, text in (
        (lambda: float(x[1]), "float() takes a real number, but the tensor is complex64[]; take real() or abs() of it"),
        (lambda: x.astype(lg.float32), "astype: complex64 cannot become float32; take real(x), imag(x) or abs(x) of"),
        (lambda: lg.max(x), "max: complex numbers have no order; take it of real(x), imag(x) or abs(x)"),
        (lambda: lg.full((2,), 1j, dtype=lg.float32), "the Python complex 1j cannot become float32"),
        (lambda: x < x, "less: complex64 is not supported"),
    ):
        with pytest.raises(lg.DTypeError) as caught:
            wrong()
        assert str(caught.value).startswith(text)


def test_steps_on_the_host_are_marked_and_read_back() -> None:
    f = lg.function(lambda x: lg.sum(lg.abs(lg.exp(x) * (1 + 2j))))
    for stage in ("traced", "optimized"):
        text = f.ir(X, stage=stage)
        hosted = [line for line in text.splitlines() if line.endswith("# host")]
        assert [line.split(" = ")[1].partition("(")[0] for line in hosted] == ["exp", "multiply", "abs"]
        assert show(lg.parse_ir(text)) == text
        assert "complex64[]((1.0, 2.0))" in text
    assert f.ir(X, stage="kernels").count("; host ") == 3


FUNCTIONS: list[tuple[Callable[[lg.Array], lg.Array], Callable[[np.ndarray], np.ndarray]]] = [
    # By the convention of JAX: of a real loss L(x + iy), dL/dx - i dL/dy.
    (lambda z: lg.sum(lg.abs(z)), lambda z: np.conj(z) / np.abs(z)),
    (lambda z: lg.sum(lg.square(lg.abs(z))), lambda z: 2 * np.conj(z)),
    (lambda z: lg.sum(lg.real(z * z)), lambda z: 2 * z),
    (lambda z: lg.sum(lg.imag(z * z)), lambda z: -2j * z),
    (lambda z: lg.sum(lg.real(lg.exp(z))), np.exp),
    (lambda z: lg.sum(lg.real(lg.conj(z) * z)), lambda z: 2 * np.conj(z)),
    (lambda z: lg.real(lg.vecdot(z.reshape(-1), z.reshape(-1))), lambda z: 2 * np.conj(z)),
    (lambda z: lg.sum(lg.angle(z)), lambda z: -1j / z),
]


@pytest.mark.parametrize(("loss", "expected"), FUNCTIONS)
def test_gradients_follow_the_convention(
    loss: Callable[[lg.Array], lg.Array], expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    slope = lg.grad(loss)
    found, compiled = slope(lg.tensor(X)), lg.function(slope)(X)
    assert found.dtype is lg.complex64
    np.testing.assert_allclose(found.numpy(), expected(X), rtol=1e-5)
    assert np.array_equal(found.numpy(), compiled.numpy())


def test_a_real_operand_has_a_real_gradient() -> None:
    z = lg.tensor(X)
    found = lg.grad(lambda x: lg.sum(lg.real(z * x)))(lg.ones((2, 2)))
    assert found.dtype is lg.float32 and np.array_equal(found.numpy(), X.real)
    found = lg.grad(lambda x: lg.sum(lg.abs(z @ x.astype(lg.complex64))))(lg.ones((2, 2), dtype=lg.float16))
    assert found.dtype is lg.float16


def test_products_are_sums_of_products_of_parts() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((3, 20, 4), (4, 9)))
    p, q, u, v = (lg.tensor(x) for x in (a.real, a.imag, b.real, b.imag))
    found = lg.matmul(a, b)
    assert found.dtype is lg.complex128
    assert np.array_equal(found.numpy().real, (p @ u - q @ v).numpy())
    assert np.array_equal(found.numpy().imag, (p @ v + q @ u).numpy())
    assert np.array_equal(lg.function(lg.matmul)(a, b).numpy(), found.numpy())
    np.testing.assert_allclose(found.numpy(), a @ b, rtol=1e-13)
    np.testing.assert_allclose(lg.einsum("bij,jk->bk", a, b).numpy(), np.einsum("bij,jk->bk", a, b), rtol=1e-12)
    np.testing.assert_allclose(lg.tensordot(a, b, axes=1).numpy(), np.tensordot(a, b, axes=1), rtol=1e-13)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.T[::-1],
        lambda x: lg.concat([x, x], axis=1).reshape((4, 2)),
        lambda x: lg.take(x, lg.tensor([1, 0, 1]), axis=0),
        lambda x: lg.where(lg.real(x) > 0, x, 0),
        lambda x: lg.pad(x, 1, constant_values=1j),
        lambda x: lg.cumulative_sum(x, axis=0) + lg.cumulative_prod(x, axis=1),
        lambda x: lg.stack([lg.mean(x), lg.prod(x)]),
        lambda x: lg.tril(x) + lg.eye(2, dtype=lg.complex64),
        lambda x: lg.broadcast_to(x[0], (3, 2)),
    ],
)
def test_compiled_is_eager_and_gradients_as_well(call: Callable[[lg.Array], lg.Array]) -> None:
    x = lg.tensor(X)
    assert np.array_equal(lg.function(call)(x).numpy(), call(x).numpy())
    slope = lg.grad(lambda x: lg.sum(lg.abs(call(x) + 0.25)))
    assert np.array_equal(lg.function(slope)(x).numpy(), slope(x).numpy())
