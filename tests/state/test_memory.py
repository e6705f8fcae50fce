"""tidy, keep, dispose, memory, profile, time: the counts and texts of SEMANTICS A6.1."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lithograph as lg

pytestmark = pytest.mark.callpath


@pytest.fixture
def since() -> Iterator[Callable[[], list[int]]]:
    """What memory() counts beyond what it did before the test: tensors, buffers, bytes."""
    # What an op keeps for itself is made on its first use.
    _ = lg.square(lg.ones((3,))) + lg.scalar(1.0)
    gc.collect()
    before = lg.memory()
    yield lambda: [a - b for a, b in zip(lg.memory(), before, strict=True)]


Since = Callable[[], list[int]]


def test_a_tensor_and_its_view(since: Since) -> None:  # A6.1
    x = lg.scalar(3.0)
    assert since() == [1, 1, 4]
    x.dispose()
    assert since() == [0, 0, 0]
    a = lg.ones((2, 300))
    b = a.reshape(600)
    assert since() == [2, 1, 2400]  # BEAT-20
    a.dispose()
    assert since() == [1, 1, 2400]
    b.dispose()
    assert since() == [0, 0, 0]


def test_tidy_frees_all_but_the_result(since: Since) -> None:  # A6.1
    inside: list[int] = []

    def body() -> lg.Array:
        one, a = lg.scalar(1.0), lg.scalar(2.0)
        b = lg.square(a)
        inside.extend(since())
        return b + one

    y = lg.tidy(body)
    assert inside == [3, 3, 12] and since() == [1, 1, 4] and y.item() == 5
    assert lg.tidy("named", lambda: lg.scalar(7.0)).item() == 7


def test_nested_tidies_keep_and_containers(since: Since) -> None:  # A6.1
    kept: list[lg.Array] = []

    def inner() -> lg.Array:
        kept.append(lg.keep(lg.scalar(1.0)))
        gone = lg.scalar(2.0)
        kept.append(gone)
        return gone * 3

    def outer() -> dict[str, Any]:
        found = lg.tidy(inner)
        return {"a": found, "b": [kept[0], {"c": 1}]}

    made = lg.tidy(outer)
    assert since() == [2, 2, 8]
    assert made["a"].item() == 6 and kept[0].item() == 1 and kept[1].is_disposed
    lg.dispose(made)
    assert since() == [0, 0, 0]


def test_what_inner_tidies_return_goes_with_the_outer_one(since: Since) -> None:
    held: list[lg.Array] = []

    def outer() -> None:
        held.append(lg.tidy(lambda: lg.scalar(1.0) + 1.0))

    lg.tidy(outer)
    assert held[0].is_disposed and since() == [0, 0, 0]


def test_a_returned_outer_tensor_stays_the_same(since: Since) -> None:  # A6.1
    x = lg.scalar(1.0)
    assert lg.tidy(lambda: x) is x and not x.is_disposed
    with lg.tidy():
        y = x + 1.0
    assert y.is_disposed and x.item() == 1


def test_variables_survive(since: Since) -> None:  # A6.1
    made: list[lg.Variable] = []

    def body() -> None:
        v = lg.Variable(lg.scalar(1.0))
        v.assign_add(1.0)
        made.append(v)

    lg.tidy(body)
    assert since() == [1, 1, 4] and made[0].item() == 2


def test_an_error_leaves_nothing(since: Since) -> None:  # A6.1
    held: list[lg.Array] = []

    def body() -> None:
        held.append(lg.scalar(1.0))
        raise KeyError("stop")

    with pytest.raises(KeyError):
        lg.tidy(body)
    with pytest.raises(KeyError), lg.tidy():
        body()
    assert all(t.is_disposed for t in held) and since() == [0, 0, 0]


def test_compiled_functions_in_a_tidy(since: Since) -> None:
    v = lg.Variable(np.zeros(3, np.float32))
    f = lg.function(lambda x: {"y": x * 2, "v": v.assign_add(x)})
    found: dict[str, lg.Array] = {}
    for _ in range(3):
        with lg.tidy():
            found = f(lg.ones((3,)))
            assert found["y"].tolist() == [2, 2, 2]
        assert found["y"].is_disposed and found["v"].is_disposed
    assert v.tolist() == [3, 3, 3]
    found.clear()
    assert since() == [1, 1, 12]


def test_gradients_in_a_tidy(since: Since) -> None:
    v = lg.Variable(2.0)
    grads = lg.tidy(lambda: lg.variable_grads(lambda: v * v * v)[1])
    assert [g.item() for g in grads.values() if g is not None] == [12]
    assert since() == [2, 2, 8]


def test_a_tidy_inside_of_what_is_differentiated_leaves_what_the_gradient_needs(since: Since) -> None:  # A6.1
    v, x = lg.Variable(2.0), lg.tensor([1.0, 2.0])

    def tidied(x: lg.Array) -> lg.Array:
        return lg.tidy(lambda: lg.sum(lg.exp(x) * x)) * v

    def in_block(x: lg.Array) -> lg.Array:
        with lg.tidy():
            y = lg.exp(x)
            return lg.keep(lg.sum(y * x) * v)

    def on_a_tape(x: lg.Array) -> Any:
        with lg.GradientTape() as tape:
            tape.watch(x)
            y = tidied(x)
        return tape.gradient(y, x)

    expected = (2 * (np.exp([1.0, 2.0]) * [2, 3])).astype(np.float32)
    held = lg.memory()
    ways: list[Callable[[lg.Array], Any]] = [lg.grad(tidied), lg.grad(in_block), on_a_tape]
    ways.append(lambda x: lg.tidy(lambda: lg.grad(tidied)(x)))
    for f in ways:
        eager, compiled = f(x), lg.function(f)(x)
        assert eager.tolist() == compiled.tolist()
        np.testing.assert_allclose(eager.numpy(), expected, rtol=1e-6)
        lg.dispose((eager, compiled))
        del eager, compiled
        gc.collect()
        assert lg.memory() == held
    assert lg.jvp(tidied, (x,), (lg.ones((2,)),))[1].item() == pytest.approx(expected.sum(), rel=1e-6)


def test_threads_do_not_see_each_others_tidies() -> None:
    made: list[lg.Array] = []
    with lg.tidy():
        thread = threading.Thread(target=lambda: made.append(lg.scalar(1.0) + 1.0))
        thread.start()
        thread.join()
    assert made[0].item() == 2


def test_nothing_happens_inside_a_trace() -> None:
    @lg.function
    def f(x: lg.Array) -> lg.Array:
        y = lg.tidy(lambda: x * 2)
        with lg.tidy():
            z = lg.keep(x + y)
        lg.dispose(y)
        return z + y

    assert f(lg.scalar(1.0)).item() == 5


def test_coroutines_and_generators_are_refused() -> None:  # A6.1
    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    async def generator_of_promises() -> AsyncIterator[int]:
        yield 1

    def hidden(make: Callable[[], object]) -> Callable[[], object]:
        return lambda: make()  # noqa: PLW0108 - what it is must not be seen

    ways = (coroutine, generator, generator_of_promises)
    for wrong in (*ways, *map(hidden, ways)):
        with pytest.raises(TypeError, match=r"Cannot return a coroutine or generator inside of tidy\."):
            lg.tidy(wrong)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((3,), "Please provide a function to tidy()"),
        ((3, lambda: 1), "When calling with two arguments, the first argument to tidy() must be a string"),
        (("a", 3), "When calling with two arguments, the 2nd argument to tidy() must be a function"),
    ],
)
def test_wrong_arguments_of_tidy(arguments: tuple[Any, ...], text: str) -> None:  # A6.1
    with pytest.raises(TypeError) as error:
        lg.tidy(*arguments)
    assert str(error.value).partition("\n")[0] == text


def test_dispose_takes_containers_and_anything_else(since: Since) -> None:  # A6.1
    t, u = lg.scalar(1.0), lg.scalar(2.0)
    for x in (None, 3, "x", [t, {"a": t}], (u, [3]), u):
        lg.dispose(x)
    assert since() == [0, 0, 0] and t.shape == ()


def test_use_after_dispose_says_where(since: Since) -> None:  # A6.1
    t = lg.ones((3,))
    f = lg.function(lambda x: x + 1)
    t.dispose()
    for use in (lambda: t + 1, lambda: lg.sum(t), t.numpy, lambda: f(t), t.tolist):
        with pytest.raises(lg.StateError, match=r"Tensor is disposed\. It was disposed at .*test_memory\.py:\d+\."):
            use()
    assert t.shape == (3,) and t.dtype is lg.float32


def test_use_after_a_tidy_says_where_it_ended() -> None:
    with lg.tidy():
        t = lg.ones((3,))
    u: list[lg.Array] = []
    lg.tidy(lambda: u.append(lg.ones((3,))))
    for gone in (t, u[0]):
        with pytest.raises(lg.StateError, match=r"It was disposed at .*test_memory\.py:\d+\."):
            gone.numpy()


def test_profile() -> None:  # A6.1
    x = lg.tensor([1.0, 2.0, 3.0])

    def body() -> lg.Array:
        y = lg.square(x)
        z = lg.square(y)
        y.dispose()
        return z

    found = lg.profile(body)
    assert (found.new_bytes, found.new_tensors, found.peak_bytes) == (12, 1, 24)
    assert found.kernel_names == ["square"] and len(found.kernels) == 2
    first = found.kernels[0]
    assert (first.bytes_added, first.tensors_added) == (12, 1)
    assert (first.input_shapes, first.output_shapes) == (((3,),), ((3,),))
    assert all(k.kernel_time_ms > 0 for k in found.kernels)
    compiled = lg.profile(lambda: lg.function(lambda x: x * 2, name="twice")(x))
    assert compiled.kernel_names == ["twice"]


def test_time() -> None:  # A6.1
    wall, kernels = lg.time(lambda: lg.square(lg.ones((100, 100))))
    assert 0 < kernels <= wall
    with pytest.raises(TypeError, match="a function of no arguments is wanted"):
        lg.time(3)  # type: ignore[arg-type]


W, X = np.ones((4, 1), np.float32), np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)


def loss(w: lg.Variable) -> lg.Array:
    return lg.mean(lg.square(X @ w))


def by_minimize(w: lg.Variable, optimizer: lg.optimizers.Optimizer) -> object:
    return optimizer.minimize(lambda: loss(w), return_cost=True)


def by_names(w: lg.Variable, optimizer: lg.optimizers.Optimizer) -> object:
    value, grads = lg.variable_grads(lambda: loss(w))
    optimizer.apply_gradients([(grads[w.name], w)])
    return value, grads


def by_tape(w: lg.Variable, optimizer: lg.optimizers.Optimizer) -> object:
    with lg.GradientTape() as tape:
        value = loss(w)
    optimizer.apply_gradients([(tape.gradient(value, w), w)])  # type: ignore[list-item]
    return value


def by_hand(w: lg.Variable, optimizer: lg.optimizers.Optimizer) -> object:
    value, g = lg.value_and_grad(lambda v: lg.mean(lg.square(X @ v)))(w.value())
    return value, w.assign_sub(optimizer.learning_rate * g)


@pytest.mark.parametrize("tidied", [False, True], ids=["", "tidied"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", ["momentum", "adam"])
@pytest.mark.parametrize("way", [by_minimize, by_names, by_tape, by_hand])
def test_training_holds_memory_flat(
    way: Callable[..., object], name: str, compiled: bool, tidied: bool, deep: bool
) -> None:
    w, optimizer = lg.Variable(W, name="w"), lg.optimizers.get(name)

    def step() -> object:
        return way(w, optimizer)

    run: Callable[[], object] = lg.function(step) if compiled else step
    # Eagerly one way stands for all at full length, which takes it a minute.
    long = deep and (compiled or (way is by_minimize and name == "adam"))
    steps = 10_000 if long else 500 if compiled or deep else 30
    gc.collect()  # what other tests left behind goes now
    seen = set()
    for i in range(steps):
        if tidied:
            lg.dispose(lg.tidy(run))
        else:
            run()
        if i > 2:
            seen.add(tuple(lg.memory()))
    assert len(seen) == 1, seen
    assert optimizer.iterations.item() == (0 if way is by_hand else steps)
    assert np.isfinite(w.numpy()).all() and w.tolist() != W.tolist()
