"""The record that the parts of one matrix product share, and how native code reads and writes it."""

from __future__ import annotations

from . import words as w
from .body import Body, Operand

# Strides in elements; C has unit column stride. As in `gemm.symbol`.
ARGUMENTS = ("A", "sAb", "sAm", "sAk", "B", "sBb", "sBk", "sBn", "C", "sCb", "ldc", "batch", "M", "N", "K")
POINTERS = ("A", "B", "C", "scratch")

_FIELDS = (
    *ARGUMENTS,
    # Where tiles go: C, or scratch for a later segment of k.
    *("to", "toBatch", "toRow"),
    # The block under way: batch entries from b0, rows of C, columns from `column`, depth links from
    # k0; resumed is not 0 where earlier links of the chain are in C.
    *("b0", "rows", "column", "columns", "k0", "depth", "resumed"),
    # Packed B: entries of the batch (1 where all share one) and panels that are packed in this block.
    *("packed", "packedBatch", "panels"),
    # The part of C that one task computes, and the number of such parts.
    *("taskRows", "taskColumns", "rowTasks", "columnTasks"),
    # Products with few outputs: chunks of k, and where their sums go.
    *("chunks", "partial"),
)
WORDS = len(_FIELDS)


def slot(f: Body, name: str) -> str:
    """Address of a field of `%job`."""
    return w.at(f, "%job", _FIELDS.index(name), "i64")


def field(f: Body, name: str) -> str:
    """An integer field of `%job`."""
    return w.get(f, slot(f, name))


def pointer(f: Body, name: str) -> str:
    """A pointer field of `%job`."""
    return w.get(f, slot(f, name), "ptr")


def update(f: Body, **values: Operand) -> None:
    """Set integer fields of `%job`."""
    for name, value in values.items():
        w.put(f, value, slot(f, name))


def update_pointer(f: Body, name: str, value: str) -> None:
    """Set a pointer field of `%job`."""
    w.put(f, value, slot(f, name), "ptr")


def total(f: Body, *terms: Operand) -> str:
    """A sum of integers."""
    result = str(terms[0])
    for term in terms[1:]:
        result = w.add(f, result, term)
    return result


def dot_product(f: Body, *pairs: tuple[Operand, Operand]) -> str:
    """A sum of products of integers: an offset from indices and strides."""
    return total(f, *(w.mul(f, a, b) for a, b in pairs))


def task_function(f: Body, name: str) -> str:
    """The definition of a function that litho_parallel runs; its text is in `f`."""
    f.emit("ret i64 0")
    return f.function(f"internal i64 @{name}(ptr %job, i64 %lo, i64 %hi)", ATTRIBUTES)


ATTRIBUTES = '"prefer-vector-width"="512" nounwind'
