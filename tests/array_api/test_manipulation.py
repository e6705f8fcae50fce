"""Functions that rearrange arrays, against NumPy: eagerly, compiled, and by their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .outcomes import DTYPES, agrees, same, slopes_agree

Call = Callable[[Any, Any], Any]
X = np.random.default_rng(0).standard_normal((2, 3, 4))

# Each call takes the namespace, `lg` or `np`, and an array of shape (2, 3, 4).
ONE: list[Call] = [
    lambda m, x: m.roll(x, 1, axis=-1),
    lambda m, x: m.roll(x, -7),
    lambda m, x: m.roll(x, (1, -2), axis=(0, 2)),
    lambda m, x: m.roll(x, 5, axis=(1, 1)),
    lambda m, x: m.roll(x[:, :0], 2, axis=1),
    lambda m, x: m.tile(x, 2),
    lambda m, x: m.tile(x, (2, 1, 1, 3)),
    lambda m, x: m.tile(x[0, 0, 0], (2, 3)),
    lambda m, x: m.tile(x, (0, 1)),
    lambda m, x: m.tile(x, ()),
    lambda m, x: m.repeat(x, 3),
    lambda m, x: m.repeat(x, 2, axis=-2),
    lambda m, x: m.repeat(x, 0, axis=0),
    lambda m, x: m.repeat(x[0, 0, 0], 2),
    lambda m, x: m.unstack(x, axis=-1),
    lambda m, x: m.unstack(x[:0]),
    lambda m, x: m.rot90(x),
    lambda m, x: m.rot90(x, 2, axes=(0, 2)),
    lambda m, x: m.rot90(x, -1, axes=(2, 1)),
    lambda m, x: m.rot90(x, 4),
    lambda m, x: m.fliplr(x),
    lambda m, x: m.flipud(x),
    lambda m, x: m.flipud(x[0, 0]),
    lambda m, x: m.flip(x, axis=(0, -1)),
    lambda m, x: m.ravel(x),
    lambda m, x: m.ravel(x[0, 0, 0]),
    lambda m, x: m.atleast_1d(x[0, 0, 0]),
    lambda m, x: m.atleast_2d(x[0, 0]),
    lambda m, x: m.atleast_2d(x[0, 0, 0]),
    lambda m, x: m.atleast_3d(x[0, 0, 0]),
    lambda m, x: m.atleast_3d(x[0, 0]),
    lambda m, x: m.atleast_3d(x[0]),
    lambda m, x: m.atleast_3d(x),
    lambda m, x: m.broadcast_arrays(x, x[0, 0], x[:1, :, :1]),
    lambda m, x: m.moveaxis(x, (0, 1), (-1, 0)),
    lambda m, x: m.moveaxis(x, [2], [0]),
    lambda m, x: m.permute_dims(x, (2, 0, 1)),
    lambda m, x: m.swapaxes(x, 0, -1),
    lambda m, x: m.expand_dims(x, axis=(0, -1)),
    lambda m, x: m.squeeze(x[:, :1], axis=1),
    lambda m, x: m.squeeze(x[:1, :1], axis=(0, 1)),
    lambda m, x: m.broadcast_to(x[:, :1], (5, 2, 3, 4)),
    lambda m, x: m.reshape(x, (4, -1), copy=True),
    lambda m, x: m.concat([x, x[:, :0], x[:, 1:]], axis=-2),
    lambda m, x: m.concat([x, x[0]], axis=None),
    lambda m, x: m.stack([x, x], axis=-1),
    lambda m, x: m.hstack([x, x[:, :1]]),
    lambda m, x: m.hstack([x[0, 0], x[1, 1]]),
    lambda m, x: m.hstack([x[0, 0, 0], x[0, 0, 1]]),
    lambda m, x: m.vstack([x[0, 0], x[1]]),
    lambda m, x: m.dstack([x[0], x[1]]),
    lambda m, x: m.dstack([x[0, 0], x[1, 0]]),
    lambda m, x: m.column_stack([x[0, :, 0], x[0]]),
    lambda m, x: m.split(x, 2, axis=2),
    lambda m, x: m.split(x, [1, 3], axis=-1),
    lambda m, x: m.split(x, np.array([1, 1]), axis=1),
    lambda m, x: m.array_split(x, 3, axis=2),
    lambda m, x: m.array_split(x, 5, axis=1),
    lambda m, x: m.hsplit(x, 3),
    lambda m, x: m.hsplit(x[0, 0], [1]),
    lambda m, x: m.vsplit(x, 2),
    lambda m, x: m.dsplit(x, [2]),
    lambda m, x: m.diag(x[0], k=1),
    lambda m, x: m.diag(x[0, 0], k=-2),
    lambda m, x: m.diag(x[0, 0]),
    lambda m, x: m.diagonal(x, offset=-1, axis1=1, axis2=2),
    lambda m, x: m.tril(x, k=-1),
    lambda m, x: m.triu(x, k=1),
    lambda m, x: m.triu(x, k=-9),
    lambda m, x: m.tril(x[:, :0]),
    lambda m, x: m.meshgrid(x[0, 0], x[0, :, 0]),
    lambda m, x: m.meshgrid(x[0, 0], x[0, :, 0], x[:, 0, 0], indexing="ij"),
    lambda m, x: m.meshgrid(x[0, 0], x[0, :, 0], x[:, 0, 0]),
    lambda m, x: m.meshgrid(x[0, 0]),
    lambda m, x: m.meshgrid(),
    lambda m, x: m.vander(x[0, 0]),
    lambda m, x: m.vander(x[0, 0], 3, increasing=True),
    lambda m, x: m.vander(x[0, 0], 0),
    lambda m, x: m.pad(x, 1),
    lambda m, x: m.pad(x, (1, 2), constant_values=3),
    lambda m, x: m.pad(x, ((1, 0), (0, 0), (2, 1)), constant_values=-1.5),
    *[
        lambda m, x, mode=mode, widths=widths: m.pad(x, widths, mode=mode)
        for mode in ("edge", "reflect", "symmetric", "wrap")
        for widths in (1, ((0, 1), (5, 2), (9, 11)))
    ],
    lambda m, x: m.pad(x[:1], 3, mode="reflect"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ONE)))
def test_values(number: int) -> None:
    with np.errstate(all="ignore"):
        agrees(lambda x: ONE[number](lg, x), ONE[number](np, X), X)


@pytest.mark.parametrize("number", range(len(ONE)))
def test_gradients(number: int) -> None:
    def first(x: lg.Array) -> lg.Array:
        found = ONE[number](lg, x)
        whole = list(found) if isinstance(found, list | tuple) else [found]
        return lg.concat([lg.ravel(f) for f in whole]) if whole else lg.ravel(x)

    slopes_agree(first, X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_are_kept(dtype: str) -> None:
    x = (np.arange(12).reshape(3, 4) % 2).astype(dtype)
    agrees(lambda a: lg.roll(a, 1, axis=1), np.roll(x, 1, axis=1), x)
    agrees(lambda a: lg.pad(a, 1, constant_values=1), np.pad(x, 1, constant_values=1), x)
    agrees(lambda a: lg.pad(a, 2, mode="reflect"), np.pad(x, 2, mode="reflect"), x)
    agrees(lambda a: lg.tile(lg.diag(a), 2), np.tile(np.diag(x), 2), x)


def test_joining_promotes() -> None:
    x, y = np.arange(3, dtype=np.int32), np.array([0.5])
    agrees(lambda a, b: lg.concat([a, b]), np.concatenate([x, y]), x, y)
    agrees(lambda a, b: lg.hstack([a, b]), np.hstack([x, y]), x, y)
    agrees(lambda a, b: lg.concat([b, a], axis=None), np.concatenate([y, x], axis=None), x, y)
    agrees(lambda a, b: lg.concat([a > 0, a]), np.concatenate([x > 0, x]), x, y)


def test_a_shift_may_be_computed() -> None:
    x, shift = np.arange(5.0), np.array(7, np.int32)
    agrees(lg.roll, np.roll(x, 7), x, shift)
    agrees(lambda a, s: lg.roll(a, -s, axis=0), np.roll(x, -7), x, shift)


def test_repeat_as_often_as_told() -> None:
    x, n = X[0], np.array([2, 0, 1])
    same(lg.repeat(x, n, axis=0), np.repeat(x, n, axis=0))
    same(lg.repeat(x, [1, 0, 3, 1], axis=-1), np.repeat(x, [1, 0, 3, 1], axis=-1))
    same(lg.repeat(x, np.array([2]), axis=1), np.repeat(x, [2], axis=1))
    same(lg.repeat(x[:0], n[:0], axis=0), np.repeat(x[:0], n[:0], axis=0))
    agrees(lambda a, b: lg.repeat(a, b, axis=0, total_repeat_length=3), np.repeat(x, n, axis=0), x, n)
    agrees(lambda a, b: lg.repeat(a, b, total_repeat_length=24), np.repeat(x, 2), x, np.array(2))
    slopes_agree(lambda a: lg.repeat(a, [2, 0, 1], axis=0), x)
    slopes_agree(lambda a: lg.repeat(a, n.astype(np.int32), axis=0, total_repeat_length=3), x)


def test_signs_of_zero_survive() -> None:
    x = np.array([[-0.0, 0.0, np.nan], [np.inf, -np.inf, -0.0]])
    agrees(lambda a: lg.tile(lg.roll(a, 1, axis=1), (1, 2)), np.tile(np.roll(x, 1, axis=1), (1, 2)), x)
    agrees(lambda a: lg.pad(a, 1, mode="wrap"), np.pad(x, 1, mode="wrap"), x)


@pytest.mark.parametrize("offset", [-2, 0, 1])
def test_diag_embed_puts_rows_on_diagonals(offset: int) -> None:
    expected = np.stack([np.stack([np.diag(row, offset) for row in rows]) for rows in X])
    agrees(lambda x: lg.diag_embed(x, offset=offset), expected, X)


def test_methods() -> None:
    x = lg.tensor(X)
    same(x.roll(1, axis=0), np.roll(X, 1, axis=0))
    same(x.flatten(), X.flatten())
    same(x.pad(1).tile(2), np.tile(np.pad(X, 1), 2))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: lg.roll(x, (1, 2)), lg.ArgumentError, "several shifts need as many axes"),
        (lambda x: lg.roll(x, (1, 2), axis=(0,)), lg.ShapeError, "2 shifts were given for 1 axes"),
        (lambda x: lg.roll(x, 1.5, axis=0), lg.DTypeError, "the shift must be one integer"),
        (lambda x: lg.tile(x, (-1,)), lg.ShapeError, "an extent must be >= 0"),
        (lambda x: lg.repeat(x, -1), lg.DomainError, "repetitions must be >= 0, but -1 was given"),
        (lambda x: lg.repeat(x, [1, -1], axis=0), lg.DomainError, "repetitions must be >= 0, but -1 was given"),
        (lambda x: lg.repeat(x, [1, 2, 3], axis=0), lg.ShapeError, "one for each of the 2 elements along axis 0"),
        (lambda x: lg.repeat(x, [1.0, 2.0], axis=0), lg.DTypeError, "repetitions must be integers"),  # type: ignore[list-item]
        (lambda x: lg.repeat(x, [1, 2], axis=0, total_repeat_length=4), lg.DomainError, "the repetitions sum to 3"),
        (lambda x: lg.repeat(x, [-1, 2], axis=0, total_repeat_length=1), lg.DomainError, "one is negative"),
        (lg.function(lambda x: lg.repeat(x[0, 0], x[0, 0] > 0)), lg.DTypeError, "repetitions must be integers"),
        (
            lg.function(lambda x: lg.repeat(x[0, 0], lg.astype(x[0, 0], lg.int32))),
            lg.TraceError,
            "give total_repeat_length=, the sum",
        ),
        (lambda x: lg.unstack(x[0, 0, 0]), lg.ShapeError, "a 0-d tensor has no axes"),
        (lambda x: lg.rot90(x[0, 0]), lg.ShapeError, "at least 2 axes"),
        (lambda x: lg.rot90(x, axes=(1, 1)), lg.ShapeError, "names an axis twice"),
        (lambda x: lg.rot90(x, axes=(0, 1, 2)), lg.ShapeError, "two axes are needed"),  # type: ignore[arg-type]
        (lambda x: lg.fliplr(x[0, 0]), lg.ShapeError, "must have an axis 1"),
        (lambda x: lg.pad(x, 1, mode="mirror"), lg.ArgumentError, "the mode must be one of constant, edge"),
        (lambda x: lg.pad(x[:0], 1, mode="edge"), lg.ShapeError, "axis 0 has no elements to continue"),
        (lambda x: lg.pad(x, [(1, 2), (3, 4)]), lg.ShapeError, r"one pair \(before, after\) per axis"),
        (lambda x: lg.pad(x, [(1, 2, 3)]), lg.ShapeError, "two numbers, before and after"),  # type: ignore[list-item]
        (lambda x: lg.moveaxis(x, (0, 1), (0,)), lg.ShapeError, "2 axes cannot move to 1 places"),
        (lambda x: lg.moveaxis(x, (0, 0), (0, 1)), lg.ShapeError, "names an axis twice"),
        (lambda x: lg.broadcast_arrays(x, x[:, :2]), lg.ShapeError, "could not be broadcast together"),
        (lambda x: lg.hsplit(x[0, 0, 0], 1), lg.ShapeError, "at least 1 axes"),
        (lambda x: lg.vsplit(x, 3), lg.ShapeError, "vsplit: axis 0 of extent 2 cannot be cut into 3"),
        (lambda x: lg.array_split(x, 0), lg.ShapeError, "must be from 1 to 65536"),
        (lambda x: lg.vstack([]), lg.ArgumentError, "at least one tensor"),
        (lambda x: lg.column_stack([x[0], x[0, :2]]), lg.ShapeError, "must be equal apart from axis 1"),
        (lg.diag, lg.ShapeError, "one or two axes"),
        (lambda x: lg.diag_embed(x[0, 0, 0]), lg.ShapeError, "no axis to put on a diagonal"),
        (lg.meshgrid, lg.ShapeError, "must have one axis"),
        (lambda x: lg.meshgrid(x[0, 0], indexing="yx"), lg.ArgumentError, 'indexing must be "xy" or "ij"'),
        (lg.vander, lg.ShapeError, "must have one axis"),
        (lambda x: lg.reshape(x, -1, copy=1), lg.ArgumentError, "copy must be True or False"),  # type: ignore[arg-type]
    ],
)
def test_errors(call: Callable[[lg.Array], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call(lg.tensor(X))
