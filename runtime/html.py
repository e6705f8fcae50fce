"""Tensors as small tables of HTML, for notebooks; it knows no notebook."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..ir.storage import readable
from ..ir.types import TensorType

_MOST: Final = 8


def escape(text: str) -> str:
    """Text as HTML; `html.escape` would cost a millisecond to import."""
    for character, entity in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#x27")):
        text = text.replace(character, f"&{entity};")
    return text


def show(title: str, aval: TensorType, values: np.ndarray) -> str:
    """A caption with dtype and shape, over the first and last elements of up to two axes; more axes as text."""
    values = readable(values)
    caption = f"<div>{escape(title)} <code>{escape(str(aval))}</code></div>"
    if values.ndim > 2 or not values.size:
        text = escape(np.array2string(values, separator=", ", threshold=50))
        return f"{caption}<pre>{text}</pre>" if values.size else caption
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    lines = [_row(rows[i]) if i is not None else "<tr><td>⋮</td></tr>" for i in _ends(rows.shape[0])]
    return f"{caption}<table>{''.join(lines)}</table>"


def _ends(n: int) -> list[int | None]:
    """The first and the last numbers below n, around None where some are left out."""
    if n <= _MOST:
        return list(range(n))
    half = _MOST // 2
    return [*range(half), None, *range(n - half, n)]


def _row(values: np.ndarray) -> str:
    cells = ["…" if j is None else escape(str(values[j])) for j in _ends(values.size)]
    return "<tr>" + "".join([f"<td>{c}</td>" for c in cells]) + "</tr>"
