"""`vmap`: against a loop over the examples, in every order with other transforms, eager and compiled alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_gradients import FUNCTIONS, MATRIX, ROW, Fn, same_bits

# In float64 both sides are a few hundred operations, each off by half an ULP; products of matrices are summed in
# another order where one example's has fewer than 16 elements.
NEAR = 1e-12

Transform = Callable[[Fn], Callable[[Any], Any]]


def near(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=NEAR, atol=NEAR)


def examples(at: np.ndarray) -> np.ndarray:
    return np.stack([at, np.flip(at) + 0.25, np.cos(at) - 0.5])


def direction(at: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(1.0 + np.arange(at.size)).reshape(at.shape))


def forward(f: Fn) -> Fn:
    return lambda v: lg.jvp(f, (v,), (lg.cos(v),))[1]


def second(f: Fn) -> Fn:
    return lg.grad(lambda u: (lg.grad(f)(u) * u).sum())


def taped(f: Fn) -> Fn:
    def call(v: lg.Array) -> Any:
        with lg.GradientTape() as tape:
            tape.watch(v)
            y = f(v)
        return tape.gradient(y, v)

    return call


def pulled(f: Fn) -> Fn:
    return lambda v: lg.vjp(f, v)[1](2.0)[0]


INSIDE: dict[str, Transform] = {
    "itself": lambda f: f,
    "grad": lg.grad,
    "jvp": forward,
    "vjp": pulled,
    "grad grad": second,
    "jvp grad": lambda f: forward(lambda v: (lg.grad(f)(v) * v).sum()),
    "grad jvp": lambda f: lg.grad(forward(f)),
    "jacobian grad": lambda f: lg.jacobian(lg.grad(f)),
    "hessian": lg.hessian,
    "tape": taped,
    "remat": lambda f: lg.grad(lg.remat(f)),
    "tidy": lambda f: lambda v: lg.tidy(lambda: f(v)),
}


@pytest.mark.parametrize("how", INSIDE)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_mapped_transforms_are_those_of_each_example(name: str, how: str) -> None:
    f, at = FUNCTIONS[name]
    xs = examples(at)
    near(lg.vmap(INSIDE[how](f))(xs), np.stack([INSIDE[how](f)(lg.tensor(x)) for x in xs]))


@pytest.mark.parametrize("how", INSIDE)
@pytest.mark.parametrize("name", ["shared", "matmul", "softmax", "slices"])
def test_compiled_has_the_bits_of_eager(name: str, how: str) -> None:  # law 1
    f, at = FUNCTIONS[name]
    xs, t = examples(at), INSIDE[how]
    expected = lg.vmap(t(f))(xs)
    ways: list[Callable[..., Any]] = [lg.function(lg.vmap(t(f))), lg.vmap(t(lg.function(f)))]
    ways.append(lg.function(lg.vmap(t(lg.function(f)))))
    if how not in ("tape", "tidy"):
        ways.append(lg.vmap(lg.function(t(f))))
    for way in ways:
        assert same_bits(way(xs), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_transforms_of_mapped_functions(name: str) -> None:
    f, at = FUNCTIONS[name]
    xs, mapped = lg.tensor(examples(at)), lg.vmap(f)
    t = lg.tensor(direction(examples(at)))
    each: lg.Array = lg.vmap(lg.grad(f))(xs)
    for g in (mapped, lg.remat(mapped), lg.function(mapped), lg.vmap(lg.function(f)), lg.vmap(lg.remat(f))):
        near(lg.grad(g)(xs), each)
    near(lg.jvp(mapped, (xs,), (t,))[1], (each * t).sum(axis=tuple(range(1, xs.ndim))))
    hessians: lg.Array = lg.vmap(lg.hessian(f))(xs)
    whole = lg.hessian(mapped)(xs).numpy()
    for k in range(3):
        for i in range(3):
            for j in range(3):
                part = whole[(k, i, *(slice(None),) * at.ndim, j)]
                near(part, hessians[k] if i == j == k else np.zeros(at.shape * 2))
    tape = lg.GradientTape()
    with tape:
        tape.watch(xs)
        y = mapped(xs)
    near(tape.gradient(y, xs), each)
    lg.debug.check_grads(mapped, (xs,), order=2)


def loss(weights: dict[str, Any], x: Any, y: Any) -> lg.Array:
    hidden = lg.tanh(x @ weights["w"] + weights["b"])
    return lg.square(hidden @ weights["v"] - y).sum()


WEIGHTS = {"w": MATRIX.T @ MATRIX + 0.1, "b": ROW, "v": MATRIX[0]}
XS, YS = examples(ROW), np.array([0.5, -1.0, 2.0])


def test_gradients_of_each_example_by_shared_weights() -> None:
    each = lg.vmap(lg.grad(loss), in_axes=(None, 0, 0))(WEIGHTS, XS, YS)
    total = lg.grad(lambda w: lg.vmap(loss, in_axes=(None, 0, 0))(w, XS, YS).sum())(WEIGHTS)
    for key in WEIGHTS:
        single = np.stack([lg.grad(loss)(WEIGHTS, x, y)[key] for x, y in zip(XS, YS, strict=True)])
        near(each[key], single)
        near(total[key], single.sum(0))
    compiled = lg.function(lg.vmap(lg.grad(loss), in_axes=(None, 0, 0)))(WEIGHTS, XS, YS)
    assert all(same_bits(compiled[k], each[k]) for k in WEIGHTS)


def test_axes_in_and_out() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1, -3):
        for out in (0, 1, -1):
            found = lg.vmap(lambda v: v * 2 + v[0], in_axes=axis, out_axes=out)(x)
            rows = np.moveaxis(x, axis, 0)
            assert same_bits(found, np.moveaxis(rows * 2 + rows[:, :1], 0, out))
    pair = lg.vmap(lambda p, k: {"s": p["a"] + p["b"][0], "k": k * 2}, in_axes=({"b": (1,), "a": 0}, None),
                   out_axes={"k": None, "s": 1})({"a": x[0], "b": (x[0].T,)}, 3.0 * lg.ones(()))  # fmt: skip
    assert same_bits(pair["s"], (x[0] * 2).T) and pair["k"].item() == 6
    # A container may hold no tensor at all, and a number for all examples stays a number.
    found = lg.vmap(lambda v, none, n: (v * n, none), in_axes=(0, 0, None))(x, None, 2)
    assert same_bits(found[0], x * 2) and found[1] is None
    assert same_bits(lg.vmap(lambda v, *, k: v + k)(x, k=x[0]), x + x[0])
    assert same_bits(lg.vmap(lambda a, b: a + b, in_axes=[0, -1])(x[0], x[0].T), x[0] * 2)


def test_nested_batches() -> None:
    a, b = np.linspace(-1, 1, 6).reshape(2, 3), np.linspace(0, 2, 12).reshape(4, 3)
    grid = lg.vmap(lg.vmap(lambda p, q: (p * q).sum(), in_axes=(None, 0)), in_axes=(0, None))
    expected = (a[:, None] * b[None]).sum(-1)
    near(grid(a, b), expected)
    assert same_bits(lg.function(grid)(a, b), grid(a, b))
    near(lg.vmap(lg.vmap(lambda q, p: (p * q).sum(), (0, None)), (None, 0), 1)(b, a), expected.T)
    inner = lg.vmap(lambda p: lg.vmap(lambda q: lg.grad(lambda u: (u * p * q).sum())(p))(b))(a)
    near(inner, a[:, None] * b[None])


def test_what_is_the_same_for_all_is_computed_once() -> None:
    calls: list[tuple[int, ...]] = []

    def f(x: lg.Array, w: lg.Array) -> lg.Array:
        shared = lg.exp(w)
        calls.append(shared.numpy().shape)  # It has a value.
        return x * shared

    x, w = np.arange(6.0).reshape(2, 3), np.zeros(3)
    assert same_bits(lg.vmap(f, in_axes=(0, None))(x, w), x) and calls == [(3,)]
    text = lg.function(lg.vmap(lambda x, w: x * lg.exp(w), (0, None))).ir(x, w, stage="traced")
    assert "exp(%0) : float64[3]" in text and "multiply(%1, %2) : float64[2, 3]" in text


def test_custom_gradients() -> None:
    @lg.custom_gradient
    def clipped(x: lg.Array, w: lg.Array) -> tuple[lg.Array, Callable[..., object]]:
        return (x * w).sum(), lambda dy: (lg.minimum(dy * w, 1.0), dy * x * 10)

    x, w = examples(ROW), ROW * 2
    for f in (clipped, lg.function(clipped), lg.remat(clipped)):
        gx, gw = lg.vmap(lg.grad(f, argnums=(0, 1)), in_axes=(0, None))(x, w)
        near(gx, np.stack([np.minimum(w, 1.0)] * 3))
        near(gw, x * 10)
        of_all = lg.grad(lambda w, f=f: lg.vmap(f, in_axes=(0, None))(x, w).sum())
        near(of_all(w), x.sum(0) * 10)
        assert same_bits(lg.function(of_all)(w), of_all(w))
        traced = lg.function(lambda w, f=f: lg.vmap(f, in_axes=(0, None))(x, w).sum())
        assert same_bits(lg.grad(traced)(w), of_all(w))
        assert "custom_gradient" in traced.ir(w, stage="traced") or f is not clipped
        inside = lg.function(lg.vmap(lg.grad(f, argnums=(0, 1)), in_axes=(0, None)))(x, w)
        assert same_bits(inside[0], gx) and same_bits(inside[1], gw)

    @lg.custom_gradient
    def mapped(x: lg.Array) -> tuple[lg.Array, Callable[..., object]]:
        return lg.vmap(lambda v: lg.square(v).sum())(x), lambda dy: lg.vmap(lambda v, d: 3 * d * v)(x, dy)

    near(lg.grad(mapped)(x), 3 * x)
    near(lg.function(lg.grad(mapped))(x), 3 * x)


def test_stop_gradient_and_what_no_gradient_reaches() -> None:
    x = lg.tensor(examples(ROW))
    near(lg.vmap(lg.grad(lambda v: (v * lg.stop_gradient(v)).sum()))(x), x)
    with pytest.raises(lg.DomainError, match="Cannot compute gradient"):
        lg.vmap(lg.grad(lambda v: lg.stop_gradient(v).sum()))(x)
    inner = lg.grad(lambda u: lg.vmap(lambda v: (lg.grad(lambda w: lg.stop_gradient(w).sum())(v) + v).sum())(u).sum())
    near(inner(x), np.ones(x.shape))


def test_pulls_may_be_mapped_and_used_in_another_trace() -> None:
    value, pull = lg.vjp(lambda v: lg.tanh(v) * v[0], lg.tensor(ROW))
    rows = np.eye(3)
    expected = np.stack([pull(row)[0] for row in rows])
    near(lg.vmap(pull)(rows)[0], expected)
    near(lg.function(lg.vmap(pull))(rows)[0], expected)
    assert value.shape == (3,)


def test_variables() -> None:
    w = lg.Variable(ROW, name="w")
    xs = examples(ROW)

    def f(x: lg.Array) -> lg.Array:
        return (x * w * w).sum()

    near(lg.vmap(f)(xs), (xs * ROW * ROW).sum(-1))
    near(lg.variable_grads(lambda: lg.vmap(f)(xs).sum())[1]["w"], 2 * ROW * xs.sum(0))
    near(lg.vmap(lambda x: lg.variable_grads(lambda: f(x))[1]["w"])(xs), 2 * ROW * xs)

    def counted(x: lg.Array) -> lg.Array:
        w.assign(w * 2)
        return x * w

    near(lg.vmap(counted)(xs), xs * ROW * 2)
    near(lg.function(lg.vmap(counted))(xs), xs * ROW * 4)
    near(lg.vmap(lg.function(counted))(xs), xs * ROW * 8)
    near(w, ROW * 8)

    def wrong(x: lg.Array) -> lg.Array:
        w.assign(x)
        return x

    message = (
        "a tensor (float64[3]) that differs from example to example cannot be assigned to the variable 'w' while "
        "'wrong' is mapped over 3 examples; return it, and assign what is made of all of them outside"
    )
    for way in (lg.vmap(wrong), lg.function(lg.vmap(wrong)), lg.vmap(lg.function(wrong))):
        with pytest.raises(lg.TraceError) as caught:
            way(xs)
        assert str(caught.value).startswith(message)
        near(w, ROW * 8)
    optimizer = lg.optimizers.momentum(0.1, 0.9)

    def step(x: lg.Array) -> lg.Array:
        optimizer.minimize(lambda: f(x))
        return x

    for way in (lg.vmap(step), lg.function(lg.vmap(step)), lg.vmap(lg.function(step))):
        with pytest.raises(lg.TraceError, match="cannot be assigned to the variable"):
            way(xs)
        assert optimizer.iterations.item() == 0
        near(w, ROW * 8)
    with pytest.raises(lg.TraceError, match="cannot be the first value of a variable"):
        lg.vmap(lambda x: lg.Variable(x).value())(xs)


def test_random_numbers() -> None:
    keys = lg.random.split(lg.random.key(3), 4)
    drawn = lg.vmap(lambda k: lg.random.normal((5,), key=k))(keys)
    assert same_bits(drawn, np.stack([lg.random.normal((5,), key=k) for k in keys]))
    same = lg.vmap(lambda x: x + lg.random.uniform((), key=keys[0]))(np.zeros(3, np.float32))
    assert len(set(same.tolist())) == 1

    def noisy(x: lg.Array) -> lg.Array:
        return x + lg.random.uniform((2,))

    def twice(f: Callable[..., Any]) -> list[lg.Array]:
        lg.random.seed(7)
        return [f(np.zeros(3, np.float32)) for _ in range(2)]

    first = twice(lg.vmap(noisy))
    assert len(np.unique(np.stack(first))) == 12
    for way in (lg.function(lg.vmap(noisy)), lg.vmap(lg.function(noisy))):
        assert all(map(same_bits, twice(way), first))
    lg.random.seed(7)
    nested = lg.vmap(lg.vmap(noisy))(np.zeros((3, 2), np.float32))
    assert len(np.unique(nested)) == 12
    g = lg.random.Generator(1)
    assert len(np.unique(lg.vmap(lambda x: x + g.normal(()))(np.zeros(4, np.float32)))) == 4


def test_what_fails_in_one_example_fails() -> None:
    x = np.arange(6).reshape(2, 3)
    with pytest.raises(lg.RangeError, match="index 5 is out of range"):
        lg.vmap(lambda v, i: v[i])(x, np.array([0, 5]))
    with pytest.raises(lg.DivisionError):
        lg.vmap(lambda v: 7 // v)(x)
    with pytest.raises(lg.DivisionError):
        lg.function(lg.vmap(lambda v: 7 // v))(x)


def test_no_examples_and_any_number_of_them() -> None:
    f = lg.vmap(lg.grad(lambda v: lg.square(lg.sort(v) @ MATRIX.T).sum()))
    assert f(np.zeros((0, 3))).shape == (0, 3)
    # One trace serves all numbers of examples.
    compiled = lg.function(f, input_signature=[lg.TensorSpec([None, 3], lg.float64)])
    for count in (3, 1, 0, 7):
        xs = np.cos(np.arange(count * 3.0)).reshape(count, 3)
        assert same_bits(compiled(xs), f(xs))
    assert compiled.trace_count == 1


XS4 = np.zeros((4, 3), np.float32)
THREE: Any = 3

ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no function": (lambda: lg.vmap(THREE), lg.ArgumentError, "vmap takes a function, but a int was given"),
    "axes of another kind": (
        lambda: lg.vmap(abs, in_axes=(0, "x")), lg.ArgumentError,
        "vmap: in_axes holds axes, which are integers or None, but 'x' was given",
    ),
    "a bool": (
        lambda: lg.vmap(abs, out_axes=True), lg.ArgumentError,
        "vmap: out_axes holds axes, which are integers or None, but True was given",
    ),
    "a dict of axes": (
        lambda: lg.vmap(abs, in_axes={"x": 0}), lg.ArgumentError,
        "vmap: in_axes is one axis for all arguments, or a tuple with an entry per argument, but {'x': 0} was given",
    ),
    "too many axes": (
        lambda: lg.vmap(abs, in_axes=(0, 0))(XS4), lg.ArgumentError,
        "vmap: in_axes has 2 entries, but the call has 1 positional arguments",
    ),
    "another nest": (
        lambda: lg.vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": XS4}), lg.ArgumentError,
        "vmap: in_axes must be the upper part of the nest that it is for, but the entries of {'b': 0} are not those of "
        "a dict of 1 with 'a'",
    ),
    "a nest for a tensor": (
        lambda: lg.vmap(abs, in_axes=((0,),))(XS4), lg.ArgumentError,
        "vmap: in_axes must be the upper part of the nest that it is for, but (0,) stands where there is a tensor",
    ),
    "another nest of results": (
        lambda: lg.vmap(abs, out_axes=(0, 0))(XS4), lg.ArgumentError,
        "vmap: out_axes must be the upper part of the nest that it is for, but (0, 0) stands where there is a tensor",
    ),
    "no such axis": (
        lambda: lg.vmap(abs, in_axes=2)(XS4), lg.ShapeError,
        "vmap: argument 0 holds float32[4, 3], which has no axis 2 to lie along; map what has no axis of examples with "
        "None in in_axes",
    ),
    "a number": (
        lambda: lg.vmap(lambda x, n: x * n)(XS4, 2.0), lg.ShapeError,
        "vmap: argument 1 holds float32[], which has no axis 0 to lie along; map what has no axis of examples with "
        "None in in_axes",
    ),
    "other numbers of examples": (
        lambda: lg.vmap(lambda x, y: x, in_axes=(0, 1))(XS4, XS4), lg.ShapeError,
        "vmap: argument 0 has 4 examples (axis 0 of float32[4, 3]), and argument 1 has 3 (axis 1 of float32[4, 3]); "
        "there must be as many of each",
    ),
    "nothing mapped": (
        lambda: lg.vmap(abs, in_axes=None)(XS4), lg.ArgumentError,
        "vmap: no argument is mapped; in_axes must name an axis of at least one tensor",
    ),
    "no tensor": (
        lambda: lg.vmap(lambda x: "no")(XS4), lg.ArgumentError,
        "the function that vmap maps must return tensors, but it returned 'no', which is a str",
    ),
    "one result for many": (
        lambda: lg.vmap(abs, out_axes=None)(XS4), lg.ArgumentError,
        "vmap: out_axes is None for a result (float32[3]) that differs from example to example; name the axis that "
        "examples are to lie along",
    ),
    "no such axis of the result": (
        lambda: lg.vmap(abs, out_axes=2)(XS4), lg.ShapeError,
        "vmap: out_axes is 2 for a result of 2 axes, with that of examples; axes are -2 to 1",
    ),
    "truth": (
        lambda: lg.vmap(branch)(XS4), lg.TraceError,
        "the truth value of a tensor (bool[]) that differs from example to example is not one value while 'branch' is "
        "mapped over 4 examples; an `if`, `while`, `and`, `or` or `not` cannot depend on it; choose between values "
        "with lithograph.where(condition, a, b)",
    ),
    "a number of it": (
        lambda: lg.vmap(number)(XS4), lg.TraceError,
        "the item of a tensor (float32[]) that differs from example to example is not one value while 'number' is "
        "mapped over 4 examples; return the tensor",
    ),
    "a mask": (
        lambda: lg.vmap(lambda x: x[x > 0])(XS4), lg.TraceError,
        "index: how many elements a mask selects depends on values that differ from example to example, and shapes "
        "must be the same for all; choose with lithograph.where(mask, a, b), or give the number of places: "
        "lithograph.nonzero(mask, size=...)",
    ),
    "counters": (
        lambda: lg.vmap(lg.bincount)(XS4.astype(np.int32)), lg.TraceError,
        "bincount: the shape of the result follows from values, which differ from example to example; give length=, "
        "the number of counters",
    ),
}  # fmt: skip


def branch(x: lg.Array) -> lg.Array:
    return x if x.sum() > 0 else -x


def number(x: lg.Array) -> Any:
    return x * x[0].item()


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_was_asked_and_what_to_do(name: str) -> None:
    wrong, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        wrong()
    first, _, rest = str(caught.value).partition("\n")
    assert first == text
    assert "test_vmap.py" in rest


def test_one_example_means_nothing_outside() -> None:
    kept: list[lg.Array] = []

    def f(x: lg.Array) -> lg.Array:
        kept.append(x)
        return x

    lg.vmap(f)(XS4)
    message = (
        r"a tensor \(float32\[3\]\) that is one of 4 examples of 'f' was used outside of the vmap that made it\. "
        r"Return it from the function instead of keeping it elsewhere\."
    )
    for use in (lambda x: x + 1, lg.function(lambda x: x + 1), lg.function(lambda _: kept[0] + 1)):
        with pytest.raises(lg.StateError, match=message):
            use(kept[0])
    assert repr(kept[0]) == "<one example, float32[3], of 4 in 'f'>"
    with pytest.raises(lg.StateError, match="was used outside of the vmap"):
        lg.vmap(lambda x: x + kept[0])(XS4)


def test_a_closure_over_an_example_is_traced_for_itself() -> None:
    scale = lg.function(lambda v: v * 2)

    def f(x: lg.Array) -> Any:
        return scale(x) + lg.function(lambda: x * 3)()

    for k in (1.0, 2.0):
        near(lg.vmap(f)(k * XS), k * XS * 5)
        near(lg.function(lg.vmap(f))(k * XS), k * XS * 5)
