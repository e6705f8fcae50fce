"""`lithograph.function`: what is traced when, what comes back, and that it equals plain Python."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.tracer.function import MOST_BINDINGS
from lithograph.tracer.pytree import flatten

Pair = namedtuple("Pair", "a b")
F32 = np.float32


def f32(*values: float) -> np.ndarray:
    return np.array(values, F32)


@pytest.fixture
def eagerly() -> Iterator[Callable[[bool], None]]:
    yield lg.run_functions_eagerly
    lg.run_functions_eagerly(False)


def test_cached_by_dtype_and_shape_never_by_value() -> None:  # A1.1
    f = lg.function(lambda x: x + x)
    for x in (f32(1), f32(2), lg.tensor([3.0])):
        assert f(x).numpy() == 2 * np.asarray(x)
    assert f.trace_count == 1
    f(f32(1, 2)), f(np.ones((1, 1), F32)), f(np.ones(1, np.float64)), f(np.ones(1, np.int32))
    assert f.trace_count == 5


def test_numpy_scalars_are_tensors() -> None:  # A1.1
    f = lg.function(lambda x: x * 2)
    assert f(np.float32(1.5)).item() == 3.0
    assert f(np.float32(2.5)).item() == 5.0
    assert f(np.float64(2.5)).dtype == lg.float64
    assert f.trace_count == 2


def test_python_values_count_by_type_and_value() -> None:  # A1.1, BEAT-1
    seen: list[object] = []

    @lg.function
    def f(v: float) -> lg.Array:
        seen.append(v)
        return lg.tensor([1, 2]) * v

    assert [f(v).dtype.name for v in (True, 1, 1.0)] == ["int32", "int32", "float32"]
    assert f.trace_count == 3
    f(1), f(True), f(1.0)
    assert f.trace_count == 3
    assert [type(v) for v in seen] == [bool, int, float]


def test_zeros_and_nans_are_told_apart() -> None:  # A1.1, BEAT-1
    f = lg.function(lambda x, v: x * v)
    x = f32(1)
    assert np.signbit(f(x, 0.0).numpy())[0] == 0
    assert np.signbit(f(x, -0.0).numpy())[0] == 1
    assert np.isnan(f(x, float("nan")).numpy()).all()
    assert np.isnan(f(x, float("nan")).numpy()).all()
    assert f.trace_count == 3


def test_structure_and_container_types_count() -> None:  # A1.1
    f = lg.function(lambda t: t["a"] + t["b"] if isinstance(t, dict) else t[0] + t[1])
    x, y = f32(1), f32(2)
    for nest in ([x, y], (x, y), {"a": x, "b": y}, Pair(x, y)):
        assert f(nest).item() == 3
        assert f(nest).item() == 3
    assert f.trace_count == 4
    assert f({"b": y, "a": x}).item() == 3
    assert f.trace_count == 4


def test_calls_share_a_trace_when_they_mean_the_same() -> None:  # A1.1
    @lg.function
    def f(x: lg.Array, y: int = 2, *rest: object, a: int = 1, **more: object) -> lg.Array:
        return x * y + a

    x = f32(3)
    assert [f(x).item(), f(x, 2).item(), f(x=x).item(), f(y=2, x=x).item(), f(x, a=1).item()] == [7] * 5
    assert f.trace_count == 1
    f(x, q=1, p=2), f(x, p=2, q=1)
    assert f.trace_count == 2


def test_the_same_array_twice_is_still_two_arguments() -> None:
    f = lg.function(lambda x, y: x - y)
    a, b = lg.tensor([5.0]), lg.tensor([3.0])
    assert f(a, a).item() == 0
    assert f(a, b).item() == 2
    assert f(y=a, x=b).item() == -2
    assert f.trace_count == 1


def test_other_objects_count_by_identity_or_equality() -> None:  # A1.1
    class Plain:
        k = 2

    @dataclasses.dataclass
    class Unhashable(list):  # type: ignore[type-arg]
        pass

    f = lg.function(lambda x, o: x * 2)
    one, other = Plain(), Plain()
    f(f32(1), one), f(f32(1), one), f(f32(1), other), f(f32(1), (1, "s")), f(f32(1), (1, "s"))
    assert f.trace_count == 3
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None
    with pytest.raises(lg.ArgumentError, match="is not hashable"):
        f(f32(1), bytearray(b"x"))


def test_static_arguments_are_taken_whole() -> None:
    @lg.function(static_argnames="shape")
    def f(x: lg.Array, shape: tuple[int, ...]) -> lg.Array:
        assert isinstance(shape, tuple)
        return lg.reshape(x, shape)

    x = np.arange(6, dtype=F32)
    assert f(x, (2, 3)).shape == (2, 3)
    assert f(x, shape=(3, 2)).shape == (3, 2)
    assert f(x, (2, 3)).shape == (2, 3)
    assert f.trace_count == 2
    with pytest.raises(lg.ArgumentError, match="'nope' is no parameter"):
        lg.function(lambda x: x, static_argnames="nope")


def test_results_of_any_nesting() -> None:  # A1.6, API 12
    marker = object()

    @lg.function
    def f(x: lg.Array) -> Any:
        return x, "str", 3, 2.5, None, {"k": x + 1, "j": [Pair(x, marker)]}, marker

    for _ in range(3):
        x, s, i, d, none, nest, same = f(f32(4))
        assert (s, i, d, none) == ("str", 3, 2.5, None) and same is marker
        assert list(nest) == ["k", "j"] and nest["k"].item() == 5
        pair = nest["j"][0]
        assert type(pair) is Pair and pair.a is x and pair.b is marker


def test_arguments_are_never_mutated() -> None:  # A1.6
    @lg.function
    def f(x: lg.Array, d: dict[str, lg.Array]) -> lg.Array:
        x += 1
        d["k"] = x
        return x

    x = f32(1, 2)
    d = {"k": f32(0)}
    assert f(x, d).tolist() == [2, 3]
    assert x.tolist() == [1, 2] and d["k"].tolist() == [0]


def test_odd_layouts_are_copied() -> None:
    f = lg.function(lambda x: x * 2)
    base = np.arange(12, dtype=F32).reshape(3, 4)
    for x in (base.T, base[:, ::2], base[::-1], np.asfortranarray(base), base.astype(">f4").astype("=f4")):
        for _ in range(2):
            assert np.array_equal(f(x).numpy(), 2 * x)


def test_captured_arrays_are_read_on_each_call() -> None:  # API 12
    w = f32(1, 2)
    t = lg.tensor([10.0, 20.0])
    strided = np.arange(4, dtype=F32)[::2]

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        return x * w + t + strided

    assert f(f32(1, 1)).tolist() == [11, 24]
    w[:] = 5
    strided[:] = 100
    assert f(f32(1, 1)).tolist() == [115, 125]
    assert f.trace_count == 1


def test_python_effects_happen_when_tracing_only() -> None:  # A1.8
    said: list[str] = []

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        said.append("py")
        return x

    f(f32(1)), f(f32(2)), f(f32(3, 4))
    assert said == ["py", "py"]


def test_run_functions_eagerly(eagerly: Callable[[bool], None]) -> None:  # A1.2
    ran: list[type] = []

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        ran.append(type(x))
        return x * 2 if x.sum() > 0 else x

    eagerly(True)
    assert [f(f32(v)).item() for v in (1, -1, 2)] == [2, -1, 4]
    assert f.trace_count == 0 and ran == [lg.Tensor] * 3
    eagerly(False)
    with pytest.raises(lg.TraceError):
        f(f32(1))


def test_methods_have_one_cache_per_instance() -> None:  # A1.7
    class Model:
        def __init__(self, k: float) -> None:
            self.k = k

        @lg.function
        def scale(self, x: lg.Array) -> lg.Array:
            return x * self.k

        @staticmethod
        @lg.function
        def twice(x: lg.Array) -> lg.Array:
            return x * 2

        @lg.function
        @staticmethod
        def thrice(x: lg.Array) -> lg.Array:
            return x * 3

        @classmethod
        def make(cls) -> Model:
            return cls(7.0)

    one, two = Model(2), Model(3)
    x = f32(1)
    assert one.scale(x).item() == 2 and two.scale(x).item() == 3 and one.scale(x).item() == 2
    assert one.scale.trace_count == 1 and Model.scale.trace_count == 0
    assert "multiply" in one.scale.ir(x, stage="traced") and one.scale.trace_count == 1
    assert one.scale.get_concrete_function(x)(x).item() == 2
    assert one.twice(x).item() == 2 and Model.twice(x).item() == 2 and Model.thrice(x).item() == 3
    assert Model.make().scale(x).item() == 7
    assert Model.scale(one, x).item() == 2
    gone = weakref.ref(two)
    del two
    assert gone() is None


def test_a_method_that_makes_its_variable() -> None:  # A1.7
    class Model:
        v: lg.Variable | None = None

        @lg.function
        def __call__(self, x: lg.Array) -> lg.Array:
            if self.v is None:
                self.v = lg.Variable(2.0)
            return x * self.v

    m, other = Model(), Model()
    assert m(lg.scalar(3.0)).item() == 6 and m(lg.scalar(4.0)).item() == 8
    assert other(lg.scalar(5.0)).item() == 10
    assert m.v is not None and m.v.assign(3.0).item() == 3
    assert m(lg.scalar(4.0)).item() == 12


def test_callable_objects_and_lambdas() -> None:
    class Adder:
        def __init__(self, k: int) -> None:
            self.k = k

        def __call__(self, x: lg.Array) -> lg.Array:
            return x + self.k

    assert lg.function(Adder(3))(f32(1)).item() == 4
    assert lg.function(lambda *xs: xs[0] - xs[1])(f32(3), f32(1)).item() == 2


def test_nested_functions_are_traced_once_and_shared() -> None:  # A1.8
    @lg.function
    def inner(x: lg.Array) -> lg.Array:
        return x * 2 + 1

    @lg.function
    def outer(x: lg.Array) -> lg.Array:
        return inner(inner(x)) + inner(x)

    assert outer(f32(1)).item() == 10
    assert inner.trace_count == 1 and outer.trace_count == 1
    assert outer.ir(stage="traced").count(" call(") == 3
    assert " call(" not in outer.ir(stage="optimized")
    assert inner(f32(1)).item() == 3 and inner.trace_count == 1


def test_a_nested_function_may_use_what_encloses_it() -> None:
    @lg.function
    def outer(x: lg.Array) -> lg.Array:
        y = x * 2

        @lg.function
        def inner(z: lg.Array) -> lg.Array:
            return y + z

        return inner(x) * inner(y)

    assert outer(f32(3)).item() == 9 * 12


def test_recursion() -> None:
    @lg.function
    def power(x: lg.Array, n: int) -> lg.Array:
        return x if n == 1 else x * power(x, n - 1)

    assert power(f32(2), 10).item() == 1024

    @lg.function
    def forever(x: lg.Array) -> lg.Array:
        return forever(x)

    with pytest.raises(lg.TraceError, match="calls itself with arguments of the same signature"):
        forever(f32(1))
    assert power(f32(2), 3).item() == 8


def test_concrete_functions_check_their_boundary() -> None:  # A1.5, BEAT-6
    f = lg.function(lambda t, flag=True: t * 2 if flag else t)
    c = f.get_concrete_function(lg.TensorSpec([2], lg.float32, "t"))
    assert f.trace_count == 1
    assert c(f32(1, 2)).tolist() == [2, 4] and c(lg.tensor([3.0, 4.0]), True).tolist() == [6, 8]
    assert c(t=f32(1, 2)).tolist() == [2, 4]
    assert f.trace_count == 1
    assert c.inputs == (lg.TensorSpec((2,), lg.float32),)
    assert c.structured_outputs == lg.TensorSpec((2,), lg.float32)
    with pytest.raises(lg.ArgumentError, match=r"Can not cast False to Literal\[True\]"):
        c(f32(1, 2), False)
    for wrong in (f32(1, 2, 3), np.ones(2, np.int32), np.ones((1, 2), F32)):
        with pytest.raises(
            lg.ArgumentError, match=r"Can not cast TensorSpec\(.*\) to TensorSpec\(shape=\(2,\)"
        ):
            c(wrong)
    with pytest.raises(lg.ArgumentError, match="missing"):
        c()


def test_input_signature() -> None:  # A1.3
    @lg.function(input_signature=[lg.TensorSpec([3], lg.int32)])
    def f(x: lg.Array, k: int = 3) -> lg.Array:
        return x + 1

    assert f([1, 2, 3]).tolist() == [2, 3, 4] and f(np.array([1, 2, 3])).dtype == lg.int32
    assert f(lg.tensor([4, 5, 6])).tolist() == [5, 6, 7]
    assert f.trace_count == 1
    start = "Binding inputs to lithograph.function failed due to `"
    for args, why in (
        (
            (np.ones((1, 1), np.int32),),
            "Can not cast TensorSpec(shape=(1, 1), dtype=lithograph.int32, name=None) to",
        ),
        (([1.5, 2, 3],), "Cannot convert [1.5, 2, 3] to a tensor of dtype int32"),
        ((), "missing a required argument: 'x'"),
        (([1, 2, 3], 3, 4), "too many positional arguments"),
        (([1, 2, 3], 4), "Can not cast 4 to Literal[3]"),
    ):
        with pytest.raises(lg.ArgumentError) as error:
            f(*args)
        assert str(error.value).startswith(start + why), str(error.value)
    with pytest.raises(lg.ArgumentError, match="input_signature missing type constraint for y"):
        lg.function(lambda x, y: x, input_signature=[lg.TensorSpec([1])])


def test_input_signature_of_a_method_binds_by_descriptor() -> None:  # A1.3, BEAT-3
    class C:
        k = 2

        @lg.function(input_signature=[lg.TensorSpec([1])])
        def mul(s, x: lg.Array) -> lg.Array:
            return x * s.k

    assert C().mul([3.0]).item() == 6


def test_signatures_and_ir() -> None:
    @lg.function
    def f(x: lg.Array, k: int) -> lg.Array:
        return x * k

    f(f32(1, 2), 3)
    assert f.signatures() == ["f(x: float32[2], k: 3)"]
    for stage in ("traced", "optimized", "kernels", "llvm", "asm"):
        assert len(f.ir(f32(1, 2), 3, stage=stage)) > 20
    assert f.trace_count == 1
    assert "multiply" in f.ir(stage="traced") and "multiply" in f.ir(lg.TensorSpec([5]), 4, stage="traced")
    assert f.trace_count == 2
    assert isinstance(f.memory_plan(f32(1, 2), 3), str)
    with pytest.raises(lg.ArgumentError, match="'nope' was given"):
        f.ir(f32(1, 2), 3, stage="nope")
    assert lg.parse_ir(f.ir(stage="traced"))


def test_registered_containers_say_something_hashable() -> None:
    class Bag:
        def __init__(self, x: object) -> None:
            self.x = x

    lg.register_pytree(Bag, lambda b: ([b.x], [1]), lambda meta, parts: Bag(parts[0]))  # type: ignore[arg-type, return-value]
    with pytest.raises(lg.ArgumentError, match="beside its parts must be hashable"):
        lg.function(lambda b: b.x * 2)(Bag(f32(1)))


def test_what_cannot_be_a_function() -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    for wrong in (3, int, coroutine, generator):
        with pytest.raises(lg.ArgumentError, match=r"lithograph\.function takes"):
            lg.function(wrong)  # type: ignore[arg-type]


def test_wrong_arguments_are_designed_errors() -> None:
    f = lg.function(lambda x: x + 1)
    with pytest.raises(lg.ArgumentError, match="missing a required argument: 'x'"):
        f()
    with pytest.raises(lg.DTypeError, match="dtype object is not supported"):
        f(np.array([object()]))
    t = lg.tensor([1.0])
    assert f(t).item() == 2
    t.dispose()
    with pytest.raises(lg.StateError, match=r"Tensor is disposed\."):
        f(t)


def test_dropping_a_function_frees_it_at_once() -> None:
    f = lg.function(lambda x: x * 2 + 1)
    f(f32(1)), f(np.ones((2, 2), F32).T), f(x=f32(1))
    programs = list(f._bindings.values())
    gone: list[Callable[[], object]] = [
        weakref.ref(f),
        *[weakref.ref(p) for p in programs],
        *[weakref.ref(m.run) for m in f._forms.values()],
    ]
    assert len(gone) == 6
    del f, programs
    assert [g() for g in gone] == [None] * 6


def test_many_signatures_are_bounded() -> None:
    f = lg.function(lambda x, k: x * k, name="f")
    x = f32(1)
    for k in range(MOST_BINDINGS + 2):
        f.ir(x, k, stage="traced")
    assert f.trace_count == MOST_BINDINGS + 2 and len(f.signatures()) == MOST_BINDINGS
    assert f.signatures()[0] == "f(x: float32[1], k: 2)"


def test_input_signature_of_nests() -> None:
    spec = {"a": lg.TensorSpec([2]), "b": [lg.TensorSpec([], lg.int32)]}

    @lg.function(input_signature=[spec])
    def f(d: dict[str, Any]) -> lg.Array:
        found: lg.Array = d["a"] * d["b"][0]
        return found

    assert f({"a": [1.0, 2.0], "b": [3]}).tolist() == [3, 6]
    assert f({"b": [lg.tensor(2)], "a": f32(1, 2)}).tolist() == [2, 4]
    assert f.trace_count == 1
    for wrong in ({"a": [1.0, 2.0]}, [1.0], {"a": [1.0], "b": [3]}, {"a": [1.0, 2.0], "b": (3,)}):
        with pytest.raises(lg.ArgumentError, match=r"Binding inputs to lithograph\.function failed due to"):
            f(wrong)


BODIES: dict[str, Callable[[lg.Array, lg.Array], object]] = {
    "arithmetic": lambda x, y: (x * y + 1, x / y - y, -x, abs(x), x // 1.5, x % 0.7),
    "comparison": lambda x, y: {"lt": x < y, "and": (x < y) & (y > 0), "where": lg.where(x == y, x, y)},
    "reductions": lambda x, y: [
        x.sum(),
        (x * y).sum(axis=1),
        x.max(axis=0),
        x.mean(),
        lg.softmax(x),
        x.argmax(),
    ],
    "shapes": lambda x, y: (
        x.T @ y,
        lg.reshape(x, (-1,)),
        x[1:, ::-1],
        lg.concat([x, y], axis=0),
        x[None, 0],
    ),
    "python": lambda x, y: (sum([x * k for k in range(3)], start=y), len(x) * y, float(x.ndim) * x),
    "maths": lambda x, y: lg.gelu(x * y) * lg.sigmoid(x) + lg.tanh(lg.exp(-y * y)),
    "integers": lambda x, y: lg.astype(x * 10, "int32") // 3 + lg.astype(y, "int32") * 2,
}


@pytest.mark.parametrize("name", BODIES)
def test_compiled_is_eager_bit_for_bit(name: str) -> None:  # laws 1 and 4
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 5, 3)).astype(F32)
    body = BODIES[name]
    compiled = flatten(lg.function(body)(x, y))
    eager = flatten(body(lg.tensor(x), lg.tensor(y)))
    assert compiled[1] == eager[1]
    for a, b in zip(compiled[0], eager[0], strict=True):
        left, right = np.asarray(a), np.asarray(b)
        assert left.dtype == right.dtype and left.shape == right.shape
        assert left.tobytes() == right.tobytes()
