"""Products of arrays against NumPy, eager and compiled, in all dtypes: values are small integers, so sums are exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

from .gradients import check

DTYPES = ("bool", "int8", "uint64", "float32", "complex128")
Shapes = tuple[tuple[int, ...], ...]


def drawn(shapes: Shapes, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    made = [rng.integers(-4, 5, s).astype(dtype) for s in shapes]
    return [x * (1 + 2j) for x in made] if dtype.startswith("complex") else made


def agree(function: Callable[..., Array], expected: np.ndarray, operands: list[np.ndarray]) -> None:
    """Eager and compiled give what NumPy gives, of its dtype and shape."""
    expected = np.asarray(expected)
    for found in (function(*operands).numpy(), lg.function(function)(*operands).numpy()):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        assert np.array_equal(found, expected)


EINSUMS: list[tuple[str, Shapes]] = [
    ("ij,jk->ik", ((3, 4), (4, 5))),
    ("ij,jk", ((3, 4), (4, 5))),
    ("ij,jk->ki", ((3, 4), (4, 5))),
    ("ij,kj->ik", ((20, 4), (30, 4))),
    ("ii", ((4, 4),)),
    ("ii->i", ((4, 4),)),
    ("ij->ji", ((3, 4),)),
    ("ij->", ((3, 4),)),
    ("ba", ((3, 4),)),
    ("bA", ((3, 4),)),
    ("i,j", ((3,), (4,))),
    ("i,i", ((30,), (30,))),
    ("bhqd,bhkd->bhqk", ((2, 3, 5, 4), (2, 3, 6, 4))),
    ("bqhd,bkhd->bhqk", ((2, 5, 3, 4), (2, 6, 3, 4))),
    ("...ij,...jk->...ik", ((2, 1, 3, 4), (5, 4, 6))),
    ("...ij,jk", ((2, 3, 4), (4, 5))),
    ("i...->...", ((2, 3, 4),)),
    ("...ij->...ji", ((2, 3, 4),)),
    ("...a,...b", ((2, 3), (2, 4))),
    ("...,...", ((2, 3), (3,))),
    ("ijk,jil->kl", ((3, 4, 5), (4, 3, 6))),
    ("a,ab,abc->abc", ((3,), (3, 4), (3, 4, 5))),
    ("ab,bc,cd,de->ae", ((2, 3), (3, 4), (4, 5), (5, 6))),
    ("ea,fb,abcd,gc,hd->efgh", ((2, 3), (2, 4), (3, 4, 5, 6), (3, 5), (2, 6))),
    ("iij->j", ((3, 3, 4),)),
    ("iji->j", ((3, 4, 3),)),
    ("iii", ((3, 3, 3),)),
    ("ijj,jk->ik", ((3, 4, 4), (4, 2))),
    ("ij,kl->", ((3, 4), (2, 5))),
    ("Ab,bA->", ((2, 3), (3, 2))),
    ("i,ij->j", ((1,), (3, 4))),
    ("ij,jk->ik", ((0, 4), (4, 5))),
    ("ij,jk->ik", ((3, 0), (0, 5))),
    ("", ((),)),
    (",i->i", ((), (3,))),
    (" i j , j k -> k i ", ((3, 4), (4, 5))),
]


@pytest.mark.parametrize("number", range(len(EINSUMS)), ids=lambda k: EINSUMS[k][0])
def test_einsum(number: int) -> None:
    subscripts, shapes = EINSUMS[number]
    # Each dtype meets several subscripts.
    for dtype in (DTYPES[number % len(DTYPES)], DTYPES[(number + 3) % len(DTYPES)]):
        operands = drawn(shapes, dtype)
        agree(lambda *x: lg.einsum(subscripts, *x), np.einsum(subscripts, *operands), operands)


@pytest.mark.parametrize(
    "labels",
    [([0, 1], [1, 2], [2, 0]), ([0, 1], [1, 2]), ([7, ...], [..., 7, 3]), ([0, 1], [1, 2], [])],
)
def test_einsum_of_lists(labels: tuple[list[int], ...]) -> None:
    x, y = drawn(((3, 4), (4, 5) if labels[0] == [0, 1] else (4, 3, 2)), "float32")
    given = [x, labels[0], y, *labels[1:]]
    expected = np.einsum(*given)  # type: ignore[call-overload]
    agree(lambda x, y: lg.einsum(x, labels[0], y, *labels[1:]), expected, [x, y])


def test_einsum_promotes_and_takes_numbers() -> None:
    x, y = np.arange(3, dtype=np.int8), np.ones(3, np.float32)
    assert lg.einsum("i,i->i", x, y).dtype is lg.float32
    assert lg.einsum(",i->i", 2, x).dtype is lg.int8
    assert lg.einsum(",i->i", 2, x).tolist() == [0, 2, 4]


def test_einsum_contracts_the_cheapest_pair_first() -> None:
    text = lg.function(lambda a, b, c: lg.einsum("ij,jk,kl->il", a, b, c)).ir(
        lg.ones((50, 60)), lg.ones((60, 70)), lg.ones((70, 2)), stage="kernels"
    )
    assert "60x70 @ 70x2" in text and "50x60 @ 60x2" in text


def test_einsum_of_matrices_that_lie_otherwise_copies_nothing() -> None:
    f = lg.function(lambda a, b: lg.einsum("bqhd,bkhd->bhqk", a, b))
    text = f.ir(lg.ones((2, 5, 3, 40)), lg.ones((2, 6, 3, 40)), stage="kernels")
    assert text.strip() == "; matrix product, 2x3 times 5x40 @ 40x6, float32"


def test_gradients_of_einsum() -> None:
    operands = [np.random.default_rng(0).uniform(-1, 1, s) for s in ((3, 4, 4), (4, 2), (1,))]
    check(lambda *x: lg.einsum("ijj,jk,i->ki", *x), operands)


PAIRS: list[Shapes] = [
    ((3,), (3,)), ((3, 4), (4,)), ((4,), (4, 3)), ((3, 4), (4, 5)), ((2, 3, 4), (5, 4, 6)), ((), (3,)),
    ((2, 0), (0, 3)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", PAIRS)
def test_dot(shapes: Shapes) -> None:
    for dtype in DTYPES:
        operands = drawn(shapes, dtype)
        agree(lg.dot, np.dot(*operands), operands)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((3, 4), (4,)), ((2, 3, 4), (5, 4)), ((), (3,)), ((2, 0), (3, 0))])
def test_inner(shapes: Shapes) -> None:
    for dtype in DTYPES:
        operands = drawn(shapes, dtype)
        agree(lg.inner, np.inner(*operands), operands)


@pytest.mark.parametrize("shapes", [*PAIRS[:4], ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3))])
def test_matmul(shapes: Shapes) -> None:
    for dtype in DTYPES:
        operands = drawn(shapes, dtype)
        agree(lg.matmul, np.matmul(*operands), operands)


def test_matmul_of_integers_wraps() -> None:
    for dtype in ("int8", "uint8", "int16", "uint16", "uint32", "uint64", "int64"):
        info = np.iinfo(dtype)
        x = np.random.default_rng(0).integers(info.min, info.max, (9, 20), dtype, endpoint=True)
        agree(lambda a: lg.matmul(a, a.mT), np.matmul(x, x.T), [x])
        assert "host" not in lg.function(lambda a: a @ a.mT).ir(x, stage="kernels")


@pytest.mark.parametrize(
    ("shapes", "axis"), [(((3,), (3,)), -1), (((2, 1, 3), (5, 3)), -1), (((3, 4), (3, 4)), 0), (((2, 0), (2, 0)), -1)]
)
def test_vecdot(shapes: Shapes, axis: int) -> None:
    for dtype in DTYPES:
        operands = drawn(shapes, dtype)
        moved = [np.moveaxis(x, axis, -1) for x in operands]
        left = np.conj(moved[0]) if dtype == "complex128" else moved[0]
        expected = (left[..., None, :] @ moved[1][..., :, None])[..., 0, 0]
        agree(lambda *x: lg.vecdot(*x, axis=axis), expected, operands)


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((3, 4), (4, 3)), 1),
        (((3, 4), (3, 4)), 2),
        (((3, 4), (4, 3)), ([1, 0], [0, 1])),
        (((3, 4), (5,)), 0),
        (((2, 3, 4), (4, 3, 2)), ([1, 2], [1, 0])),
        (((2, 3, 4), (4, 3, 2)), ([-2], [1])),
        (((3, 4), (4, 5)), (1, 0)),
        (((0, 3), (3, 2)), 1),
    ],
)
def test_tensordot(shapes: Shapes, axes: int | tuple[list[int], list[int]]) -> None:
    for dtype in DTYPES:
        operands = x, y = drawn(shapes, dtype)
        # NumPy's own gives another dtype for bool.
        expected = np.tensordot(x, y, axes).astype(dtype)
        agree(lambda *x: lg.tensordot(*x, axes=axes), expected, operands)


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((3, 4), (2,)), ((2, 3), (2, 3, 4)), ((), (3,)), ((0, 2), (3, 4))])
def test_kron(shapes: Shapes) -> None:
    for dtype in DTYPES:
        operands = drawn(shapes, dtype)
        agree(lg.kron, np.kron(*operands), operands)


@pytest.mark.parametrize(
    ("shapes", "axis"), [(((3,), (3,)), -1), (((2, 3), (3,)), -1), (((3, 4), (3, 4)), 0), (((2, 1, 3), (5, 3)), -1)]
)
def test_cross(shapes: Shapes, axis: int) -> None:
    for dtype in DTYPES[1:]:
        operands = x, y = drawn(shapes, dtype)
        agree(lambda *x: lg.cross(*x, axis=axis), np.cross(x, y, axis=axis), operands)


def test_outer() -> None:
    for dtype in DTYPES:
        operands = drawn(((3,), (4,)), dtype)
        agree(lg.outer, np.outer(*operands), operands)


@pytest.mark.parametrize(("offset", "axis1", "axis2"), [(0, 0, 1), (1, -1, -2), (-2, 2, 0), (9, 0, 1)])
def test_diagonal(offset: int, axis1: int, axis2: int) -> None:
    (x,) = drawn(((3, 4, 5),), "int32")
    expected = np.diagonal(x, offset, axis1, axis2)
    agree(lambda x: lg.diagonal(x, offset=offset, axis1=axis1, axis2=axis2), expected, [x])
