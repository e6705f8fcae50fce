"""Functions that are pickled: by name, or as their programs; other processes run them."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithograph as lg

ROOT = Path(__file__).parents[2]


@lg.function
def named(x: lg.Array) -> lg.Array:
    return x + 1


class Model:
    def __init__(self) -> None:
        self.w = lg.Variable([2.0, 3.0], name="w")
        self.local = self.make()

    @lg.function
    def method(self, x: lg.Array) -> lg.Array:
        return x * self.w

    def make(self) -> lg.Function[Any]:
        def step(x: lg.Array, *, scale: float = 1.0) -> dict[str, Any]:
            self.w.assign_add(x * scale)
            return {"w": self.w + 0, "scale": scale, "rest": (None, [x.sum()])}

        return lg.function(step)


def again(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


def test_what_can_be_imported_is_its_name() -> None:
    assert again(named) is named
    assert b"graph" not in pickle.dumps(named)


def test_programs_are_loaded_with_their_state_and_run() -> None:
    model = Model()
    x = np.array([1.0, 1.0], np.float32)
    with pytest.raises(lg.StateError, match="'step' cannot be pickled: another process cannot import it as"):
        pickle.dumps(model.local)
    assert model.local(x)["w"].tolist() == [3, 4]
    loaded, variable = again((model.local, model.w))
    found = loaded(x)
    assert (found["w"].tolist(), found["scale"], found["rest"][0], found["rest"][1][0].item()) == ([4, 5], 1.0, None, 2)
    # Both kept state of their own, and the loaded function shares its with the variable that came along.
    assert variable.tolist() == [4, 5]
    assert model.w.tolist() == [3, 4]
    assert loaded.signatures() == model.local.signatures()
    assert loaded.trace_count == 1
    assert loaded.ir() == model.local.ir()
    assert again(loaded)(x)["w"].tolist() == [5, 6]


def test_a_loaded_function_says_what_it_has() -> None:
    model = Model()
    x = np.array([1.0, 1.0], np.float32)
    model.local(x)
    loaded = again(model.local)
    with pytest.raises(lg.StateError, match=r"no program for this call; it has step\(x: float32\[2\], scale: 1\.0\)"):
        loaded(np.zeros(3))
    with pytest.raises(lg.StateError, match="was loaded without its Python function"):
        loaded(x, scale=2.0)
    assert loaded(x)["w"].tolist() == [4, 5]


def test_constants_captures_defaults_and_symbolic_extents() -> None:
    table = np.arange(40, dtype=np.float32)
    frozen = np.arange(100, dtype=np.float32)
    frozen.setflags(write=False)
    start = np.ones(2, np.float32)

    def body(x: lg.Array, first: Any = start) -> lg.Array:
        return x.sum() + lg.asarray(table).sum() + lg.asarray(frozen).sum() + lg.asarray(first).sum()

    f = lg.function(body)
    for n in (3, 4, 5):
        f(np.zeros(n, np.float32))
    assert f.trace_count == 2
    loaded = again(f)
    expected = table.sum() + frozen.sum() + 2
    assert loaded(np.zeros(9, np.float32)).item() == expected
    assert loaded(np.zeros(3, np.float32)).item() == expected
    assert loaded.trace_count == 2
    table[:] = 0
    assert loaded(np.zeros(3, np.float32)).item() == expected


def test_concrete_functions() -> None:
    model = Model()
    x = np.array([1.0, 1.0], np.float32)
    concrete = model.local.get_concrete_function(lg.TensorSpec([2]), scale=2.0)
    loaded = again(concrete)
    assert loaded(x)["w"].tolist() == [4, 5]
    assert repr(loaded) == repr(concrete)
    assert loaded.structured_input_signature == concrete.structured_input_signature
    assert model.w.tolist() == [2, 3]
    opened = again(lg.function(lambda a: a * 2).get_concrete_function(lg.TensorSpec([None, 3])))
    assert opened(np.ones((5, 3), np.float32)).shape == (5, 3)
    with pytest.raises(lg.ArgumentError, match="Can not cast"):
        opened(np.ones((5, 4), np.float32))


def test_loaded_functions_inside_others_and_under_gradients() -> None:
    f = lg.function(lambda x: (x * x).sum())
    f(np.ones(3, np.float32))
    loaded = again(f)
    x = lg.tensor([1.0, 2.0, 3.0])
    assert lg.grad(loaded)(x).tolist() == [2, 4, 6]
    assert lg.function(lambda y: loaded(y) + 1)(x).item() == 15


def test_what_counts_by_identity_is_refused() -> None:
    class Thing:
        pass

    f = lg.function(lambda x, k: x + 1)
    thing = Thing()
    f(np.zeros(2), thing)
    with pytest.raises(lg.StateError, match=r"'lambda' cannot be pickled: one of its programs is for <.*Thing object"):
        pickle.dumps(f)


def test_methods_go_with_their_instance() -> None:
    model = Model()
    model.local = named
    x = np.array([1.0, 1.0], np.float32)
    loaded = again(model.method)
    assert loaded(x).tolist() == [2, 3]
    assert model.method(x).tolist() == [2, 3]


def test_copies_of_functions_are_themselves() -> None:
    f = lg.function(lambda x: x)
    assert copy.copy(f) is f and copy.deepcopy([f])[0] is f
    concrete = f.get_concrete_function(lg.TensorSpec([2]))
    assert copy.deepcopy(concrete) is concrete


SCRIPT = """
import multiprocessing as mp
import numpy as np
import lithograph as lg

v = lg.Variable([1.0, 2.0], name="v")

@lg.function
def named(x):
    return x + 1

def make():
    table = np.arange(40, dtype=np.float32)
    return lg.function(lambda x, k=2: {"y": x * k + lg.asarray(table)[1:3] + v, "n": None})

def work(f, x):
    found = f(x)
    return found["y"].tolist() if isinstance(found, dict) else found.tolist()

def count(f):
    return f.trace_count

if __name__ == "__main__":
    x, local = np.array([3.0, 4.0], np.float32), make()
    expected = work(local, x)
    named(x)
    with mp.get_context("spawn").Pool(1) as pool:
        assert pool.apply(work, (local, x)) == expected, "programs"
        assert pool.apply(work, (local.get_concrete_function(x), x)) == expected, "a concrete function"
        # The main module of the worker is this one too, so that the function may be traced anew.
        assert pool.apply(work, (named, np.zeros(3))) == [1, 1, 1], "a function of the main module"
    print("done")
"""


def run(folder: Path, source: str) -> str:
    """What a program prints that is run as a main module of its own."""
    (folder / "script.py").write_text(source)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_workers_run_functions(tmp_path: Path) -> None:
    assert run(tmp_path, SCRIPT) == "done\n"


def test_another_main_module_gets_the_programs(tmp_path: Path) -> None:
    sender = "import lithograph as lg, pickle\n@lg.function\ndef f(x):\n    return x + 1\nf(lg.zeros(2))\n"
    sender += "open('f.pickle', 'wb').write(pickle.dumps(f))\n"
    receiver = "import lithograph as lg, pickle\n@lg.function\ndef f(x):\n    return x - 1\n"
    receiver += "print(pickle.load(open('f.pickle', 'rb'))(lg.zeros(2)).tolist())\n"
    assert [run(tmp_path, source) for source in (sender, receiver)] == ["", "[1.0, 1.0]\n"]
