"""Fourier transforms against NumPy's: extents, axes, norms and dtypes, eager and compiled; frequencies and shifts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

from ..rows.differences import close, difference, directional
from ..rows.numpy_stage import numpy_stage

NORMS = ("backward", "ortho", "forward")
RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((3, 4, 5))
COMPLEX = REAL + 1j * RNG.standard_normal((3, 4, 5))


def agree(function: Callable[..., Array], expected: np.ndarray, operand: np.ndarray) -> None:
    """Eager and compiled give the very bits that NumPy gives, of its dtype and shape."""
    for found in (function(operand).numpy(), lg.function(function)(operand).numpy()):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("norm", NORMS)
def test_along_one_axis(name: str, norm: str) -> None:
    x = REAL if name in ("rfft", "ihfft") else COMPLEX
    theirs, ours = getattr(np.fft, name), getattr(lg.fft, name)
    # hfft and ihfft conjugate at the other end than NumPy, which is exact.
    for n, axis in ((None, -1), (3, 0), (4, 2), (7, 1), (1, 1)):
        agree(lambda x, n=n, axis=axis: ours(x, n=n, axis=axis, norm=norm), theirs(x, n=n, axis=axis, norm=norm), x)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_along_several_axes(name: str) -> None:
    x = REAL if name == "rfftn" else COMPLEX
    theirs, ours = getattr(np.fft, name), getattr(lg.fft, name)
    cases: list[tuple[Any, Any]] = [(None, None), ((2, 6), (1, 2)), ((6, -1), (0, 1)), (None, (2, 0)), ((7, 2), (2, 1))]
    for s, axes in cases:
        if name == "irfftn" and s == (6, -1):
            continue  # NumPy's -1 there means the extent of its operand, not that nothing is cut.
        found = ours(x, s=s, axes=axes, norm="ortho").numpy()
        expected = theirs(x, s=s, axes=axes, norm="ortho")
        assert found.shape == expected.shape
        # The axes are transformed in another order: a few ULPs of numbers below 10.
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    assert np.array_equal(lg.fft.fft2(x).numpy(), lg.fft.fftn(x, axes=(-2, -1)).numpy())
    assert np.array_equal(lg.fft.ifft2(x).numpy(), lg.fft.ifftn(x, axes=(-2, -1)).numpy())


def test_inverses_give_back() -> None:
    for there, back, x in (
        (lg.fft.fftn, lg.fft.ifftn, COMPLEX),
        (lg.fft.rfftn, lambda y: lg.fft.irfftn(y, s=REAL.shape, axes=(0, 1, 2)), REAL),
        (lg.fft.ihfft, lambda y: lg.fft.hfft(y, n=5), REAL),
    ):
        np.testing.assert_allclose(back(there(x)).numpy(), x, rtol=0, atol=1e-14)


def test_dtypes() -> None:
    for dtype, whole, half in (
        (lg.float32, lg.complex64, lg.complex64),
        (lg.float64, lg.complex128, lg.complex128),
        (lg.int32, lg.complex64, lg.complex64),
        (lg.bfloat16, lg.complex64, lg.complex64),
    ):
        x = lg.ones((4,), dtype=dtype)
        assert lg.fft.fft(x).dtype is whole and lg.fft.rfft(x).dtype is half
        assert lg.fft.irfft(x).dtype is half.real
    assert lg.fft.ifft(lg.ones((4,), dtype=lg.complex64)).dtype is lg.complex64


def test_frequencies_and_shifts() -> None:
    for n in (1, 2, 7, 8):
        for d in (1, 0.3):
            for ours, theirs in ((lg.fft.fftfreq, np.fft.fftfreq), (lg.fft.rfftfreq, np.fft.rfftfreq)):
                np.testing.assert_array_equal(ours(n, d=d, dtype=lg.float64).numpy(), theirs(n, d))
    assert lg.fft.fftfreq(4).dtype is lg.float32
    for axes in (None, 1, (0, 2)):
        agree(lambda x, axes=axes: lg.fft.fftshift(x, axes=axes), np.fft.fftshift(COMPLEX, axes), COMPLEX)
        agree(lambda x, axes=axes: lg.fft.ifftshift(x, axes=axes), np.fft.ifftshift(REAL, axes), REAL)


SLOPES: list[tuple[str, bool]] = [("fft", True), ("irfft", True), ("hfft", True), ("rfft", False), ("ihfft", False)]


@pytest.mark.parametrize(("name", "turned"), SLOPES)
def test_gradients_where_extents_are_cut_and_filled_up(name: str, turned: bool) -> None:
    x = COMPLEX[0] if turned else REAL[0]
    rng = np.random.default_rng(1)
    along = rng.uniform(-1, 1, x.shape) + (1j * rng.uniform(-1, 1, x.shape) if turned else 0)
    for n in (3, 8):

        def loss(x: Array, n: int = n) -> Array:
            return lg.sum(lg.square(lg.abs(getattr(lg.fft, name)(x, n=n, norm="ortho"))))

        with numpy_stage():
            assert close(directional(loss, [x], [along]), difference(loss, [x], [along]))


def test_a_traced_gradient_is_the_eager_one() -> None:
    slope = lg.grad(lambda x: lg.sum(lg.abs(lg.fft.irfft(lg.fft.rfft(x) * 2j))))
    x = lg.tensor(REAL)
    assert np.array_equal(slope(x).numpy(), lg.function(slope)(x).numpy())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lg.fft.fft(lg.ones(())), "fft: axis -1 is out of range, a 0-d tensor has no axes"),
        (lambda: lg.fft.fft(lg.ones((0,))), "fft: there is nothing to transform along axis 0 of shape (0,)"),
        (lambda: lg.fft.fft(lg.ones((3,)), n=0), "fft: n must be at least 1, but it is 0"),
        (
            lambda: lg.fft.fft(lg.ones((3,)), norm="half"),
            "fft: norm must be one of backward, ortho, forward, but 'half' was given",
        ),
        (
            lambda: lg.fft.rfft(lg.ones((3,), dtype=lg.complex64)),
            "rfft: complex64 is not supported, it takes real numbers; use fft for complex ones",
        ),
        (lambda: lg.fft.irfft(lg.ones((1,))), "irfft: n must be at least 1, but it is 0"),
        (lambda: lg.fft.fftn(lg.ones((3, 3)), s=(2,), axes=(0, 1)), "fftn: s has 1 extents and there are 2 axes"),
        (
            lambda: lg.fft.fftn(lg.ones((3,)), axes=0),  # type: ignore[arg-type]
            "fftn: axes must be a tuple of ints, but 0 was given",
        ),
        (lambda: lg.fft.fftfreq(3, d=0), "fftfreq: d must be a number other than zero, but 0 was given"),
        (
            lambda: lg.fft.fftfreq(3, dtype=lg.int32),
            "fftfreq: the dtype must be a float, but int32 was given",
        ),
    ],
)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(lg.LithographError) as caught:
        call()
    assert str(caught.value).splitlines()[0].startswith(text)
