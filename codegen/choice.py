"""Choices of a program: the marks that make the steps between them one; they compute nothing and plan no memory.

A choice stands in a program as `choose`, then for each branch `arm` and its steps, then `join`.
"""

from __future__ import annotations

import functools

from ..ir.records import dataclass, field
from . import words
from .body import Body
from .mark import Mark
from .module import Module, buffer_pointer
from .plan import Storage, Use


@dataclass(slots=True, eq=False)
class Choice:
    """A choice of a program between branches by an int64 in memory; one that names no branch takes the last.

    Attributes:
        results: what each branch fills.
        count: number of branches.
        outer: storages that branches read and none of them writes.
    """

    index: Storage
    results: tuple[Storage, ...]
    count: int
    outer: tuple[Storage, ...] = ()
    _labels: list[str] = field(default_factory=list)

    def choose(self) -> Mark:
        """The start, which the memory that the branches fill is needed from."""
        return Mark(f"one of {self.count} branches", self._choose, lambda: Use((self.index,), self.results))

    def arm(self, k: int) -> Mark:
        """The start of branch number k."""
        return Mark(f"branch {k}", functools.partial(self._start, k), lambda: Use((), ()))

    def join(self) -> Mark:
        """The end, where all branches meet."""
        return Mark("end of the branches", functools.partial(self._start, self.count), self._made)

    def _made(self) -> Use:
        return Use(tuple(dict.fromkeys((*self.outer, *self.results))), ())

    def _choose(self, module: Module, body: Body) -> None:
        self._labels = [body.fresh_label("branch") for _ in range(self.count)] + [body.fresh_label("join")]
        found = words.get(body, buffer_pointer(body, self.index))
        cases = " ".join([f"i64 {k}, label %{label}" for k, label in enumerate(self._labels[: self.count - 1])])
        body.emit(f"switch i64 {found}, label %{self._labels[self.count - 1]} [ {cases} ]")

    def _start(self, k: int, module: Module, body: Body) -> None:
        """Start what follows the branch before."""
        if k:
            body.emit(f"br label %{self._labels[-1]}")
        body.label(self._labels[k])
