"""Random wrong calls of everything public: each works or ends in a designed error, and nothing else happens."""

from __future__ import annotations

import inspect
import os
import random
import re
import types
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.stage import current, default

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
SEEDS = 60 if DEEP else 4
CALLS_EACH = 30 if DEEP else 15

# What Python itself says of a call that does not fit a signature.
MISFIT = re.compile(
    r"\(\) (missing \d+ required|takes |got an unexpected keyword|got multiple values|got some positional-only)"
    r"|unsupported operand type|not supported between instances"
    r"|expected (at most |at least )?\d arguments?, got|Tensor cannot be called|has no len\(\)"
    r"|float\(\) argument must be"
)
# Switches of the process, and types that users name but do not call.
SWITCHES = {"run_functions_eagerly", "register_pytree", "config"}
LEFT_OUT = SWITCHES | {"DType", "Function", "ConcreteFunction"}


def public() -> dict[str, Callable[..., object]]:
    """Everything public that may be called, by name; some are left out."""
    found: dict[str, Callable[..., object]] = {}
    for name in lg.__all__:
        value = getattr(lg, name)
        if name in LEFT_OUT or not callable(value) or (isinstance(value, type) and issubclass(value, Exception)):
            continue
        found[name] = value
    for name, module in vars(lg).items():
        if isinstance(module, types.ModuleType) and name in lg.__all__ and name not in SWITCHES:
            own = [n for n, v in vars(module).items() if getattr(v, "__module__", "").startswith("lithograph")]
            names = getattr(module, "__all__", [n for n in own if not n.startswith("_")])
            for n in names:
                if isinstance(getattr(module, n), types.FunctionType):
                    found[f"{name}.{n}"] = getattr(module, n)
    return found


def leaked() -> object:
    kept: list[object] = []
    lg.function(lambda x: kept.append(x) or x)(np.ones(2, np.float32))  # type: ignore[func-returns-value]
    return kept[0]


def arguments() -> list[Callable[[], object]]:
    """Makers of arguments, most of them wrong for most calls."""
    gone = lg.ones((2,))
    gone.dispose()
    stale = leaked()
    plain: list[object] = [
        None, True, 0, 1, -1, 3, 2**46, 2**62, 2**70, 1.5, float("nan"), float("inf"), 1j, "", "ab", "float32", b"x",
        object(), [], [1, [2]], [1, "a"], [[1.0, 2.0], [3.0]], {}, {"a": 1}, (), (1, 2), (-1,), (2**62,), (2**62, 8),
        (1.5,), slice(1), slice(None, None, -1), ..., float, lg.int32, lg.bool_, lambda: 1, lambda x: x, len, {1, 2},
        np.float32(2), np.int64(-5), np.bool_(True), np.datetime64("2020"), lg, LookupError, range(3), gone, stale,
        np.ones(2, "complex64"), np.array(["a"]), np.array([None, 1]), np.ones(2, "float16"), np.ones((0, 3)),
        np.ones((2, 3, 4))[:, ::2], np.zeros(3, "datetime64[s]"), np.array(1.0), np.ma.masked_array([1.0], [True]),
        np.ones(3, ">f4"), np.zeros(2, [("a", "i4")]), lg.TensorSpec([2]), memoryview(b"ab"), 10**400,
        [lg.tensor([1.0]), lg.tensor([1, 2])], [np.ones(2), np.ones(3)], [gone], [stale, 1],
    ]  # fmt: skip
    tensors: list[Callable[[], object]] = [
        lambda dtype=dtype, shape=shape: lg.zeros(shape, dtype=dtype)
        for dtype in (lg.bool_, lg.int8, lg.int32, lg.uint64, lg.int64, lg.float32, lg.float64)
        for shape in ((), (3,), (2, 3), (0, 2), (1, 1, 2))
    ]
    variables: list[Callable[[], object]] = [lambda: lg.Variable([1.0, 2.0]), lambda: lg.Variable(3)]
    return [*[lambda value=value: value for value in plain], *tensors, *variables]


KEYWORDS = ("axis", "dtype", "shape", "keepdims", "x1", "copy", "key", "stage", "argnums", "nothing")


def designed(error: BaseException) -> bool:
    return isinstance(error, lg.LithographError | MemoryError) or (
        isinstance(error, TypeError) and MISFIT.search(str(error)) is not None
    )


def attempt(call: Callable[..., object], args: Sequence[object], kwargs: dict[str, object]) -> BaseException | None:
    """Make a call, and one of what it returns; the error that is no designed one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(*args, **kwargs)
    except BaseException as error:
        return None if designed(error) else error
    return None


def chosen(rng: random.Random, makers: list[Callable[[], object]], most: int) -> list[object]:
    return [rng.choice(makers)() for _ in range(rng.randint(0, most))]


def show(value: object) -> str:
    try:
        return repr(value)[:80]
    except lg.LithographError as error:
        return f"<{type(error).__name__}>"


def keywords(call: Callable[..., object]) -> tuple[str, ...]:
    """Names that a call takes by keyword, and some that few take."""
    try:
        own = inspect.signature(call).parameters.values()
    except ValueError:
        return KEYWORDS
    named = [p.name for p in own if p.kind is p.KEYWORD_ONLY]
    return (*named, *named, *KEYWORDS[:3])


def check(seed: int, targets: dict[str, Callable[..., object]]) -> None:
    rng = random.Random(seed)
    makers = arguments()
    for name, call in targets.items():
        names = keywords(call)
        for _ in range(CALLS_EACH):
            args = chosen(rng, makers, 4)
            kwargs = {rng.choice(names): rng.choice(makers)()} if rng.random() < 0.4 else {}
            wrong = attempt(call, args, kwargs)
            if wrong is not None:
                given = ", ".join([*map(show, args), *(f"{k}={show(v)}" for k, v in kwargs.items())])
                raise AssertionError(f"seed {seed}: {name}({given}) raised {wrong!r}") from wrong
    assert current() is default[0]
    assert (lg.tensor([1.0]) + 1).tolist() == [2]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_public_functions(seed: int) -> None:
    check(seed, public())


def method(make: Callable[[], object], name: str) -> Callable[..., object]:
    """A method of a new instance, which takes any keyword."""

    def call(*args: object, **kwargs: object) -> object:
        return getattr(make(), name)(*args, **kwargs)

    return call


def methods() -> dict[str, Callable[..., object]]:
    """Every method of tensors and variables as a function of its instance, by name; those that print are left out."""
    found: dict[str, Callable[..., object]] = {}
    skipped = ("__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__getattribute__")
    # `put` and `receive` are for tracers; __array__ raises what NumPy's protocol asks for.
    skipped += ("put", "receive", "alias", "held", "__array__")
    skipped += ("__del__", "__setattr__")
    skipped += ("__delattr__", "__dir__", "__sizeof__", "__format__", "__reduce_ex__", "__getstate__")
    for kind, make in (("Tensor", lambda: lg.ones((2, 3))), ("Variable", lambda: lg.Variable([1.0, 2.0]))):
        for name in dir(type(make())):
            if name in skipped or name.startswith("_abc") or name == "print":
                continue
            if callable(getattr(type(make()), name)):
                found[f"{kind}.{name}"] = method(make, name)
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_methods(seed: int) -> None:
    check(seed, methods())


def transforms() -> dict[str, Callable[..., object]]:
    """What `function`, `grad` and their kin make, called with anything."""
    v = lg.Variable([1.0, 2.0])

    @lg.function
    def compiled(x: lg.Array, k: object = 1) -> tuple[lg.Array, object]:
        v.assign_add(lg.sum(lg.abs(x)) * 0.0)
        return x + v, k

    @lg.function(input_signature=[lg.TensorSpec([2]), {"a": lg.TensorSpec([], lg.int32)}])
    def signed(x: lg.Array, d: dict[str, lg.Array]) -> lg.Array:
        return x * d["a"].astype(lg.float32)

    concrete = lg.function(lambda x, k=2: x * k).get_concrete_function(lg.TensorSpec([2]), 3)

    def f(x: lg.Array, y: object = 1.0) -> lg.Array:
        return lg.sum(lg.square(x)) * 1.0

    return {
        "compiled": compiled,
        "compiled.ir": compiled.ir,
        "compiled.get_concrete_function": compiled.get_concrete_function,
        "compiled.memory_plan": compiled.memory_plan,
        "signed": signed,
        "concrete": concrete,
        "grad(f)": lg.grad(f),
        "grads(f)": lg.grads(f),
        "grad(f, 1)": lg.grad(f, 1),
        "value_and_grad(f)": lg.value_and_grad(f, has_aux=True),
        "grad(compiled)": lg.grad(lambda *a: compiled(*a)[0]),
        "vjp(f)": lambda *a: lg.vjp(f, *a),
        "pull": lg.vjp(f, lg.tensor([1.0, 2.0]))[1],
    }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_transforms(seed: int) -> None:
    check(seed, transforms())


def test_a_failed_call_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise AttributeError("'NoneType' object has no attribute 'x'")

    with pytest.raises(AssertionError, match=r"seed 0: broken\("):
        check(0, {"broken": broken})
