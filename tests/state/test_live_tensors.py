"""`lg.debug.live_tensors`: what a block made and is alive, with the lines that made it."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lithograph as lg

pytestmark = pytest.mark.callpath
HERE = Path(__file__).name


def places(alive: lg.debug.LiveTensors) -> list[tuple[str, int]]:
    return [(Path(t.file).name, t.line) for t in alive]


def line_of(text: str) -> int:
    """The number of the only line of this file that has this comment."""
    lines = Path(__file__).read_text().splitlines()
    (found,) = [k for k, line in enumerate(lines, 1) if line.endswith(f"# {text}")]
    return found


def test_ops_tensors_functions_and_variables_with_their_lines() -> None:
    def both(x: lg.Array) -> dict[str, lg.Array]:
        return {"twice": x * 2, "state": v.assign_add(x)}

    f = lg.function(both)
    with lg.debug.live_tensors() as alive:
        x = lg.ones((3,))  # made by a creation function
        v: lg.Variable = lg.Variable(np.zeros(3, np.float32), name="w")  # made a variable
        found = f(x)  # made by a compiled function
        y = lg.exp(x) + 1.0  # made by ops
        assert len(alive) == 5
        told = [(t.name, str(t.dtype), t.shape, t.nbytes) for t in alive]
    assert told == [(None, "float32", (3,), 12), ("w", "float32", (3,), 12), *[(None, "float32", (3,), 12)] * 3]
    made = ["by a creation function", "a variable", "by a compiled function", "by a compiled function", "by ops"]
    lines = [line_of(f"made {text}") for text in made]
    assert places(alive) == [(HERE, n) for n in lines]
    first, second, *_ = str(alive).split("\n")[1:]
    assert first == f"  float32[3]  12 bytes  {__file__}:{lines[0]}"
    assert second == f"  float32[3]  12 bytes  'w'  {__file__}:{lines[1]}"
    assert repr(alive).startswith("5 tensors alive\n")
    y.dispose()
    del x
    v.dispose()
    gc.collect()
    assert len(alive) == 2 and len(found) == 2
    lg.dispose(found)
    assert not list(alive) and repr(alive) == "0 tensors alive"


def test_every_way_of_making_a_tensor_is_noted() -> None:
    v, x = lg.Variable(2.0), lg.ones((2, 3))
    array, f = np.ones(3, np.float32), lg.function(lambda a: (a, [a + 1, v.value()]))
    dumped = pickle.dumps(x)
    ways: list[Callable[[], object]] = [
        lambda: lg.tensor([1.0]),
        lambda: lg.tensor(array),
        lambda: lg.asarray(array, copy=False),
        lambda: lg.from_dlpack(array),
        lambda: lg.from_dlpack(array[::2]),
        lambda: lg.scalar(1),
        lambda: lg.arange(4),
        lambda: lg.random.uniform((2,)),
        lambda: lg.one_hot(lg.tensor([1]), 2),
        lambda: x[0],
        lambda: x.at[0].set(1.0),
        lambda: x.reshape(6),
        lambda: list(x),
        lambda: lg.split(x, 3, axis=1),
        lambda: lg.tensor(x),
        lambda: +x,
        lambda: copy.copy(x),
        lambda: copy.deepcopy(x),
        lambda: pickle.loads(dumped),
        v.value,
        lambda: v.assign(3.0),
        lambda: v.assign_add(1.0),
        lambda: lg.Variable(lg.ones((2,))),
        lambda: copy.copy(v),
        lambda: lg.linalg.svd(x),
        lambda: f(x),
        lambda: f(array),
        lambda: lg.grad(lambda a: (a * v).sum())(x),
        lambda: lg.value_and_grad(lambda a: ((a * v).sum(), a), has_aux=True)(x),
        lambda: lg.variable_grads(lambda: v * v),
        lambda: lg.vjp(lambda a: a * v, x),
        lambda: lg.jvp(lambda a: a * 2.0, (x,), (x,)),
        lambda: lg.hessian(lambda a: (a * a).sum())(x),
    ]
    for make in ways:
        make()  # what is kept for later calls is made
    gc.collect()
    before, held = lg.memory().num_tensors, list[object]()
    with lg.debug.live_tensors() as alive:
        for make in ways:
            held.append(make())
            gc.collect()
            assert len(alive) == lg.memory().num_tensors - before, "one was made that is not noted"
    held.clear()
    gc.collect()
    assert not list(alive)


def test_blocks_nest_with_each_other_and_with_tidy() -> None:
    with lg.debug.live_tensors() as outer:
        a = lg.scalar(1.0)
        with lg.debug.live_tensors() as inner, lg.tidy():
            kept, gone = lg.keep(a + 1), a + 2
            assert len(inner) == 2 and len(outer) == 3
        assert len(inner) == 1 and gone.is_disposed and kept.item() == 2
        after = a + 3
    outside = a + 4
    assert len(inner) == 1 and len(outer) == 3 and (after + outside).item() == 9


def test_errors_and_other_threads() -> None:
    with pytest.raises(KeyError), lg.debug.live_tensors() as alive:
        x = lg.scalar(1.0)
        raise KeyError
    assert len(alive) == 1 and x.item() == 1
    made: list[lg.Array] = []
    with alive:  # goes on
        thread = threading.Thread(target=lambda: made.append(lg.scalar(1.0)))
        thread.start()
        thread.join()
        assert len(alive) == 1
        with pytest.raises(lg.StateError, match=r"^this live_tensors\(\) is watching already; call it anew"), alive:
            pass
        y = lg.scalar(2.0)
    assert len(alive) == 2 and y.item() == 2
    with alive, lg.tidy():
        lg.function(lambda z: z * 2)(x)
    assert len(alive) == 2
