"""Calls in canonical form: which value each parameter gets; it knows nothing of caches or programs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np

from ..ir import dtypes
from ..ir.array import Array
from ..ir.dtypes import DType
from ..ir.errors import ArgumentError, DTypeError, LithographError, ShapeError
from ..ir.records import dataclass
from ..ir.stage import located
from ..ir.types import Dim, Extent, TensorType
from ..runtime.creation import tensor
from .extents import OPEN, is_ours
from .pytree import flatten, unflatten


class TensorSpec:
    """The dtype and shape that an argument has.

    Attributes:
        shape: extents; None or a name stands for one that is not known.
        dtype: element type.
        name: of the argument, or None.
    """

    __slots__ = ("dtype", "name", "shape")

    shape: tuple[int | str | None, ...]
    dtype: DType
    name: str | None

    @located
    def __init__(
        self, shape: Sequence[int | str | None], dtype: object = dtypes.float32, name: str | None = None
    ) -> None:
        if isinstance(shape, str) or not isinstance(shape, Sequence):
            raise ArgumentError(f"TensorSpec: the shape is a sequence of extents, but {shape!r} was given")
        self.shape = tuple(shape)
        self.dtype = dtypes.as_dtype(dtype)
        self.name = name
        for s in self.shape:
            if s is not None and not isinstance(s, str) and (isinstance(s, bool) or not isinstance(s, int)):
                raise ArgumentError(f"TensorSpec: an extent is an int, a name or None, but {s!r} was given")
            if isinstance(s, int) and s < 0:
                raise ShapeError(f"TensorSpec: an extent must be >= 0, but the shape is {self.shape}")
            if isinstance(s, str) and not s.isidentifier():
                raise ArgumentError(f"TensorSpec: the name of an extent is an identifier, but {s!r} was given")

    def __reduce__(self) -> tuple[type[TensorSpec], tuple[tuple[int | str | None, ...], DType, str | None]]:
        # Python's default for slots would let tampered bytes set attributes, even of the class.
        return TensorSpec, (self.shape, self.dtype, self.name)

    @property
    def aval(self) -> TensorType:
        """The type of a tensor that fits, with a symbol for each extent that is not known."""
        return TensorType(self.dtype, tuple([s if isinstance(s, int) else Dim(s or OPEN) for s in self.shape]))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TensorSpec)
            and self.shape == other.shape
            and self.dtype is other.dtype
            and self.name == other.name
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype.name, self.name))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype=lithograph.{self.dtype.name}, name={self.name!r})"


def spec_of(aval: TensorType, name: str | None = None) -> TensorSpec:
    """The spec that tensors of a type fit."""
    return TensorSpec([_open(e) for e in aval.shape], aval.dtype, name)


def _open(extent: Extent) -> int | str | None:
    """An extent as a spec has it: what is no symbol that the user named is left open."""
    if isinstance(extent, int):
        return extent
    name = extent.symbols[0]
    return name if extent.same(Dim(name)) and not is_ours(name) else None


@dataclass(frozen=True, eq=False)
class Signature:
    """The parameters of a Python function, and what is required of them.

    Attributes:
        parameters: of the function, without a bound self.
        static: names of parameters whose values are part of the cache key as they are.
        specs: for the first parameters, the nest of specs that arguments are converted to; None without any.
        wraps: whether the parameters are those of a function inside (`functools.wraps`). What is around it, such as
            `lithograph.grads`, may tell a default from an argument, and a name from a place.
    """

    parameters: inspect.Signature
    static: frozenset[str]
    specs: tuple[object, ...] | None
    wraps: bool

    def names_of(self, n_args: int, kwargs: Mapping[str, object]) -> tuple[str, ...]:
        """The parameter that each argument of a call goes to, positional ones first."""
        names = [
            n for n, p in self.parameters.parameters.items() if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)
        ]
        names += names[-1:] * (n_args - len(names)) if names else [""] * n_args
        return (*names[:n_args], *kwargs)

    def bind(
        self, args: Sequence[object], kwargs: Mapping[str, object], given: Sequence[object]
    ) -> inspect.BoundArguments:
        """Arguments by parameter, with defaults but for `wraps`; ArgumentError, which shows `given`, for a misfit."""
        try:
            bound = self.parameters.bind(*args, **kwargs)
        except TypeError as error:
            raise self.misfit(str(error), given) from None
        if not self.wraps:
            bound.apply_defaults()
        return bound

    def names_matter(self, kwargs: Mapping[str, object]) -> tuple[str, ...]:
        """Which arguments the function has to be given by name."""
        return tuple(kwargs) if self.wraps else ()

    def misfit(self, why: str, args: Sequence[object]) -> ArgumentError:
        """The error for arguments that the signature does not take."""
        given = ", ".join(brief(a) for a in args)
        return ArgumentError(
            f"Binding inputs to lithograph.function failed due to `{why}`. Received args: ({given}) for "
            f"signature: {self.parameters}."
        )

    def converted(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        """The arguments as the specs want them; ArgumentError where they cannot be had so."""
        if self.specs is None:
            return tuple(args), dict(kwargs)
        bound = self.bind(args, kwargs, args)
        given = list(bound.arguments.values())
        for i, (name, value) in enumerate(bound.arguments.items()):
            if i < len(self.specs):
                bound.arguments[name] = self._as_specified(self.specs[i], value, args)
                continue
            default = self.parameters.parameters[name].default
            if value is not default and (type(value) is not type(default) or value != default):
                raise self.misfit(f"Can not cast {value!r} to Literal[{default!r}]", args)
        if all(a is b for a, b in zip(given, bound.arguments.values(), strict=True)):
            return tuple(args), dict(kwargs)
        return bound.args, bound.kwargs

    def specified(
        self, bound: inspect.BoundArguments, places: Sequence[int], types: Sequence[TensorType]
    ) -> list[TensorType]:
        """The types of arrays as the specs have them, with symbols for extents that are left open.

        Args:
            bound: the arguments, whatever their leaves are.
            places: of the arrays among the leaves in canonical order.
            types: of the arrays.
        """
        asked = dict(bound.arguments) | dict(zip(bound.arguments, self.specs or (), strict=False))
        leaves = [flatten(asked, sort_keys=True)[0][i] for i in places]
        return [leaf.aval if isinstance(leaf, TensorSpec) else t for leaf, t in zip(leaves, types, strict=True)]

    def _as_specified(self, spec: object, value: object, args: Sequence[object]) -> object:
        if isinstance(spec, TensorSpec):
            try:
                return fit(spec, value)
            except LithographError as error:
                raise self.misfit(str(error).partition("\n")[0], args) from None
        specs, structure = flatten(spec)
        parts = _split(spec, value)
        if parts is None:
            raise self.misfit(f"Can not cast {brief(value)} to {spec}", args)
        fitting = [self._as_specified(s, v, args) for s, v in zip(specs, parts, strict=True)]
        if all(a is b for a, b in zip(fitting, parts, strict=True)):
            return value
        return unflatten(structure, fitting)


def signature_of(
    function: Callable[..., object],
    skip_first: bool,
    static_argnames: str | Sequence[str] | None,
    input_signature: Sequence[object] | None,
) -> Signature:
    """Read a Python function's parameters.

    Raises:
        ArgumentError: a static name is no parameter, or `input_signature` leaves out one without a default.
    """
    found = inspect.signature(function)
    if skip_first:
        found = found.replace(parameters=list(found.parameters.values())[1:])
    static = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames or ())
    for name in static:
        if name not in found.parameters:
            raise ArgumentError(f"static_argnames: {name!r} is no parameter of {found}")
    specs = None if input_signature is None else tuple(input_signature)
    if specs is not None:
        parameters = list(found.parameters.values())
        if len(specs) > len(parameters):
            raise ArgumentError(f"input_signature has {len(specs)} entries for the signature {found}")
        for p in parameters[len(specs) :]:
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                raise ArgumentError(f"input_signature missing type constraint for {p.name}")
        for leaf in flatten(list(specs))[0]:
            if not isinstance(leaf, TensorSpec):
                raise ArgumentError(f"input_signature holds TensorSpecs, but {leaf!r} was given")
    return Signature(found, frozenset(static), specs, hasattr(function, "__wrapped__"))


def fit(spec: TensorSpec, value: object) -> object:
    """A value as a tensor or array that fits a spec: tensors and specs as they are, numbers and lists converted.

    Raises:
        ArgumentError: the dtype or shape is another.
    """
    if isinstance(value, TensorSpec):
        alike = len(value.shape) == len(spec.shape) and value.dtype is spec.dtype
        if alike and all(s in (None, v) or isinstance(s, str) for s, v in zip(spec.shape, value.shape, strict=True)):
            return value
        raise ArgumentError(f"Can not cast {value!r} to {spec!r}")
    if isinstance(value, np.ndarray | np.generic) and value.dtype != spec.dtype.numpy:
        if not np.can_cast(value.dtype, spec.dtype.numpy, "same_kind"):
            raise DTypeError(f"Cannot convert {brief(value)} to a tensor of dtype {spec.dtype}")
        value = np.asarray(value).astype(spec.dtype.numpy)
    elif not isinstance(value, Array | np.ndarray | np.generic):
        value = tensor(value, dtype=spec.dtype)
    shape = value.shape
    right = len(shape) == len(spec.shape) and all(
        not isinstance(s, int) or s == e for s, e in zip(spec.shape, shape, strict=True)
    )
    if not right or spec.dtype != value.dtype:
        given = TensorSpec(cast("tuple[int, ...]", shape), value.dtype)
        raise ArgumentError(f"Can not cast {given!r} to {spec!r}")
    return value


def _split(spec: object, value: object) -> list[object] | None:
    """The parts of a value where a spec's leaves are; None where the containers differ."""
    if isinstance(spec, TensorSpec):
        return [value]
    if type(spec) is not type(value):
        return None
    if isinstance(spec, dict) and isinstance(value, dict):
        pairs = [(spec[k], value[k]) for k in spec if k in value]
        if len(pairs) != len(spec) or len(spec) != len(value):
            return None
    elif isinstance(spec, list | tuple) and isinstance(value, list | tuple) and len(spec) == len(value):
        pairs = list(zip(spec, value, strict=True))
    else:
        return [] if spec is None and value is None else None
    parts: list[object] = []
    for s, v in pairs:
        below = _split(s, v)
        if below is None:
            return None
        parts += below
    return parts


def brief(value: object) -> str:
    """An argument as errors and signatures show it: arrays by dtype and shape, others by a short repr."""
    if isinstance(value, Array | np.ndarray):
        return f"{type(value).__name__}({value.dtype}{list(value.shape)})"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
