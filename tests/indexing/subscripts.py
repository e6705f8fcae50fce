"""Random subscripts of every form that NumPy has."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPES = ((5,), (3, 4), (2, 3, 4), (4, 1, 3), (3, 2, 2, 3), (0, 3), (2, 0, 3), ())


def _integer(rng: np.random.Generator, extent: int, outside: float) -> Any:
    if extent == 0 or rng.random() < outside:
        return int(rng.integers(-extent - 2, extent + 2))
    i = int(rng.integers(-extent, extent))
    return [i, np.int64(i), np.array(i, np.int32)][int(rng.integers(3))]


def _slice(rng: np.random.Generator, extent: int) -> slice:
    def bound() -> int | None:
        return None if rng.random() < 0.4 else int(rng.integers(-extent - 2, extent + 3))

    return slice(bound(), bound(), int(rng.choice([1, 1, 2, 3, -1, -2])) if rng.random() < 0.7 else None)


def _array(rng: np.random.Generator, extent: int, shape: tuple[int, ...], outside: float) -> Any:
    # Each axis of the common shape may be missing or 1.
    own = shape[int(rng.integers(0, len(shape) + 1)) :] if rng.random() < 0.3 else shape
    own = tuple([1 if rng.random() < 0.2 else e for e in own])
    low, high = (-extent, extent) if rng.random() >= outside else (-extent - 2, extent + 2)
    made = rng.integers(low, high, own) if low < high else np.zeros((*own[:-1], 0), np.int64)
    kind = rng.choice(["int64", "int32", "int8", "uint8", "list"])
    if kind == "list" and made.ndim:
        return made.tolist()
    if kind == "uint8":
        made = np.abs(made) if extent == 0 else np.where(made < 0, made + extent, made)
        return np.abs(made).astype(np.uint8)
    return made.astype(np.int64 if kind == "list" else kind)


def random_subscript(rng: np.random.Generator, shape: tuple[int, ...], outside: float = 0.02) -> Any:
    """A subscript for an array of some shape; a few are wrong on purpose."""
    common = tuple(int(e) for e in rng.integers(1, 4, int(rng.integers(1, 3))))
    kinds = ["integer", "slice", "array", "mask", "all"]
    weights = rng.dirichlet([1.0] * len(kinds))
    items: list[Any] = []
    axis = 0
    while axis < len(shape) and rng.random() < 0.85:
        kind = str(rng.choice(kinds, p=weights))
        if kind == "integer":
            items.append(_integer(rng, shape[axis], outside))
        elif kind == "slice":
            items.append(_slice(rng, shape[axis]))
        elif kind == "array":
            items.append(_array(rng, shape[axis], common, outside))
        elif kind == "all":
            items.append(slice(None))
        else:
            rank = int(rng.integers(1, len(shape) - axis + 1))
            mask = rng.random(shape[axis : axis + rank]) < 0.5
            if rng.random() < outside and mask.ndim:
                mask = np.concatenate([mask, mask[:1]], axis=0)
            items.append(mask.tolist() if mask.ndim == 1 and mask.size and rng.random() < 0.3 else mask)
            axis += rank - 1
        axis += 1
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        items.insert(int(rng.integers(0, len(items) + 1)), None)
    if rng.random() < 0.3:
        named = sum(_rank(i) for i in items)
        at = int(rng.integers(0, len(items) + 1))
        # After `...` the axes are the last ones, so only a subscript that names all of them stays as it was meant.
        if named == len(shape) or at == len(items):
            items.insert(at, Ellipsis)
    if rng.random() < 0.06:
        truth = bool(rng.random() < 0.7)
        given = [truth, np.bool_(truth), np.array(truth)][int(rng.integers(3))]
        items.insert(int(rng.integers(0, len(items) + 1)), given)
    return items[0] if len(items) == 1 and rng.random() < 0.5 else tuple(items)


def _rank(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    array = np.asarray(item) if isinstance(item, list | np.ndarray) else None
    return array.ndim if array is not None and array.dtype == np.bool_ else 1


def selects(x: np.ndarray, index: Any) -> np.ndarray | None:
    """What NumPy selects, or None where it raises."""
    try:
        return np.asarray(x[index])
    except IndexError:
        return None


def has_mask(index: Any) -> bool:
    """Whether the shape of what is selected depends on values."""
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, bool | np.bool_ | list | np.ndarray) and np.asarray(item).dtype == np.bool_:
            return True
    return False
