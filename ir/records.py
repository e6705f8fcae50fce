"""Data classes that are made quickly: what the standard library's `dataclass` makes, with one generated function each.

There are more than a hundred of them, and the standard decorator, which generates the text of up to eight methods for
each, took a third of the time of importing Lithograph. Here it finds the fields and the slots; comparison, hashing and
`repr` are functions that serve all classes. Type checkers see the standard decorator.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field as field
from dataclasses import fields as fields
from dataclasses import replace as replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    _set = object.__setattr__

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """As `dataclasses.dataclass`, for classes without inherited fields that have defaults."""
        if cls is None:
            return lambda c: dataclass(c, frozen=frozen, slots=slots, eq=eq)
        own = vars(cls)
        hashed = frozen and eq and own.get("__hash__") is None and "__eq__" not in own
        shown = "__repr__" not in own
        compared = eq and "__eq__" not in own
        made = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots)
        found = fields(made)
        made.__init__ = _init(made, found, frozen)
        values = _values([f.name for f in found if f.compare])
        if compared:
            made.__eq__ = _equal(values)
            made.__hash__ = _hash(values) if hashed else None
        if shown:
            made.__repr__ = _repr([f.name for f in found if f.repr])
        if frozen:
            made.__setattr__ = _refuse_set
            made.__delattr__ = _refuse_delete
            if slots:
                made.__getstate__ = _get_state([f.name for f in found])
                made.__setstate__ = _set_state([f.name for f in found])
        return made

    def _values(names):
        if not names:
            return lambda self: ()
        if len(names) == 1:
            get = attrgetter(names[0])
            return lambda self: (get(self),)
        return attrgetter(*names)

    def _init(cls, fields, frozen):
        scope, parameters, lines = {"_set": _set}, [], []
        for f in fields:
            value = f.name
            if f.default is not dataclasses.MISSING:
                scope[f"_default_{f.name}"] = f.default
                parameter = f"{f.name}=_default_{f.name}"
            elif f.default_factory is not dataclasses.MISSING:
                scope[f"_make_{f.name}"] = f.default_factory
                scope["_missing"] = dataclasses.MISSING
                parameter = f"{f.name}=_missing"
                value = f"_make_{f.name}() if {f.name} is _missing else {f.name}"
            else:
                parameter = f.name
            if f.init:
                parameters.append(parameter)
            elif f.default_factory is not dataclasses.MISSING:
                value = f"_make_{f.name}()"
            elif f.default is not dataclasses.MISSING:
                value = f"_default_{f.name}"
            else:
                continue
            lines.append(f" _set(self, {f.name!r}, {value})" if frozen else f" self.{f.name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append(" self.__post_init__()")
        exec(f"def __init__(self{''.join([f', {p}' for p in parameters])}):\n" + ("\n".join(lines) or " pass"), scope)
        made = scope["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        made.__module__ = cls.__module__
        return made

    def _equal(values):
        def __eq__(self, other):
            if self is other:
                return True
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        return __eq__

    def _hash(values):
        return lambda self: hash(values(self))

    def _repr(names):
        def __repr__(self):
            inner = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
            return f"{self.__class__.__qualname__}({inner})"

        return __repr__

    def _refuse_set(self, name, value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_delete(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def _get_state(names):
        return lambda self: [getattr(self, name) for name in names]

    def _set_state(names):
        def __setstate__(self, state):
            for name, value in zip(names, state, strict=True):
                _set(self, name, value)

        return __setstate__
