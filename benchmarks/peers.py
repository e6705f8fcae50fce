"""How each framework says what a case asks for, in its own idiom; it knows no case by name and no clock.

Frameworks are imported when they are asked for, so that a process holds one of them only.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np

from .cases import Array, Function, Numbers, Ops
from .control import mixing, recur, recurring
from .each import each_gradient, network_loss
from .training import BETA1, BETA2, EPSILON, RATE, Parameters, Trainer

Step = Callable[[], object]
Fetch = Callable[[], Mapping[str, Numbers]]


class NotOffered(Exception):
    """The framework has nothing for this case."""


def _not_offered(why: str) -> Callable[..., Any]:
    def refuse(*args: object) -> NoReturn:
        raise NotOffered(why)

    return refuse


@dataclass(frozen=True)
class Framework:
    """One framework, ready to be measured.

    Attributes:
        version: its own.
        array: of a NumPy array; `to_numpy` goes back.
        compiled: a function from one of formulas.
        ops: its functions; None where it compiles loops instead, written out in `loops` by case.
        ready: waits until a result is there; None when results always are.
        training: from parameters, images and labels, a step that returns the loss, and the parameters.
        trace: only traces a function for one argument; None when there is no such thing.
    """

    version: str
    array: Callable[[Numbers], object]
    to_numpy: Callable[[object], Numbers]
    compiled: Callable[[Function], Function]
    ops: Ops | None = None
    loops: Mapping[str, Function] | None = None
    ready: Callable[[object], object] | None = None
    training: Callable[[Parameters, Numbers, Numbers], tuple[Step, Fetch]] | None = None
    trace: Callable[[Function, object], object] | None = None


def _lithograph(threads: int) -> Framework:
    lg = importlib.import_module("lithograph")
    tracing = importlib.import_module("lithograph.tracer.trace")

    def layer_norm(x: Array, g: Array, b: Array) -> Array:
        d = x - lg.mean(x, axis=1, keepdims=True)
        normal: Array = d * lg.rsqrt(lg.mean(d * d, axis=1, keepdims=True) + 1e-5)
        return normal * g + b

    def training(params: Parameters, x: Numbers, y: Numbers) -> tuple[Step, Fetch]:
        weights = {k: lg.Variable(p) for k, p in params.items()}
        first = {k: lg.Variable(np.zeros_like(p)) for k, p in params.items()}
        second = {k: lg.Variable(np.zeros_like(p)) for k, p in params.items()}
        power1, power2 = lg.Variable(1.0), lg.Variable(1.0)
        images, labels = lg.tensor(x), lg.tensor(y)

        def loss(p: Mapping[str, Array], x: Array, y: Array) -> object:
            h = lg.relu(x @ p["w1"] + p["b1"])
            z = lg.relu(h @ p["w2"] + p["b2"]) @ p["w3"] + p["b3"]
            return lg.mean(lg.logsumexp(z, axis=1) - lg.take_along_axis(z, y[:, None], axis=1)[:, 0])  # type: ignore[index]

        def step(x: Array, y: Array) -> object:
            value, grads = lg.value_and_grad(loss)({k: w.value() for k, w in weights.items()}, x, y)
            a = 1 - power1.assign(power1 * BETA1)
            b = 1 - power2.assign(power2 * BETA2)
            for k, g in grads.items():
                m = first[k].assign(BETA1 * first[k] + (1 - BETA1) * g)
                v = second[k].assign(BETA2 * second[k] + (1 - BETA2) * g * g)
                weights[k].assign_sub(RATE * (m / a) / (lg.sqrt(v / b) + EPSILON))
            return value

        compiled = lg.function(step)
        return lambda: compiled(images, labels), lambda: {k: w.numpy() for k, w in weights.items()}

    ops = Ops(
        exp=lg.exp,
        log=lg.log,
        tanh=lg.tanh,
        abs=lg.abs,
        sigmoid=lg.sigmoid,
        gelu_tanh=lambda x: lg.gelu(x, approximate=True),
        gelu_erf=lg.gelu,
        softmax=lambda x: lg.softmax(x, axis=1),
        layer_norm=layer_norm,
        sum=lg.sum,
        sum0=lambda x: lg.sum(x, axis=0),
        sum1=lambda x: lg.sum(x, axis=1),
        max=lg.max,
        cumsum1=lambda x: lg.cumulative_sum(x, axis=1),
        sort=lg.sort,
        mix=mixing(lg.fori_loop),
        recur=recurring(lg.scan, lg.tanh),
        each_gradient=lg.vmap(lg.grad(network_loss(lg.tanh, lg.sum), (0, 1, 2, 3)), (*[None] * 4, 0, 0)),
    )
    return Framework(
        lg.__version__,
        lg.tensor,
        np.asarray,
        lg.function,
        ops,
        training=training,
        trace=lambda f, x: tracing.trace("chain", f, lambda b: ([b.lift(x)], {}), may_create=True),
    )


def _numpy(threads: int) -> Framework:
    def layer_norm(x: Numbers, g: Numbers, b: Numbers) -> Numbers:
        d = x - x.mean(1, keepdims=True)
        return np.asarray(d / np.sqrt((d * d).mean(1, keepdims=True) + 1e-5) * g + b)

    def softmax(x: Numbers) -> Numbers:
        e = np.exp(x - x.max(1, keepdims=True))
        return np.asarray(e / e.sum(1, keepdims=True))

    def training(params: Parameters, x: Numbers, y: Numbers) -> tuple[Step, Fetch]:
        trainer = Trainer(params, x, y, np.float32)
        return trainer.step, lambda: trainer.params

    np_ = importlib.import_module("numpy")
    ops = Ops(
        exp=np_.exp,
        log=np_.log,
        tanh=np_.tanh,
        abs=np_.abs,
        sigmoid=lambda x: 1 / (1 + np_.exp(-x)),  # type: ignore[operator]
        gelu_tanh=lambda x: 0.5 * x * (1 + np_.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))),  # type: ignore[operator]
        gelu_erf=_not_offered("NumPy has no erf"),
        softmax=softmax,  # type: ignore[arg-type]
        layer_norm=layer_norm,  # type: ignore[arg-type]
        sum=np_.sum,
        sum0=lambda x: np_.sum(x, axis=0),
        sum1=lambda x: np_.sum(x, axis=1),
        max=np_.max,
        cumsum1=lambda x: np_.cumsum(x, 1),
        sort=np_.sort,
        mix=_not_offered("a loop over single integers is Python's own"),
        recur=lambda x, w, h: recur(x, w, h)[0],
        each_gradient=each_gradient,
    )
    return Framework(np.__version__, lambda a: a, np.asarray, lambda f: f, ops, training=training)


def _jax(threads: int) -> Framework:
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    jax = importlib.import_module("jax")
    jnp = importlib.import_module("jax.numpy")

    def layer_norm(x: Array, g: Array, b: Array) -> Array:
        d = x - jnp.mean(x, axis=1, keepdims=True)
        normal: Array = d * jax.lax.rsqrt(jnp.mean(d * d, axis=1, keepdims=True) + 1e-5)
        return normal * g + b

    def training(params: Parameters, x: Numbers, y: Numbers) -> tuple[Step, Fetch]:
        weights = {k: jnp.array(p) for k, p in params.items()}
        zeros = [{k: jnp.zeros_like(p) for k, p in weights.items()} for _ in "mv"]
        state = (weights, *zeros, jnp.float32(0))
        images, labels = jnp.array(x), jnp.array(y)

        def loss(p: Mapping[str, Array], x: Array, y: Array) -> object:
            h = jax.nn.relu(x @ p["w1"] + p["b1"])
            z = jax.nn.relu(h @ p["w2"] + p["b2"]) @ p["w3"] + p["b3"]
            picked = jnp.take_along_axis(z, y[:, None], 1)[:, 0]  # type: ignore[index]
            return jnp.mean(jax.nn.logsumexp(z, axis=1) - picked)

        def update(state, x, y):  # type: ignore[no-untyped-def]
            weights, first, second, count = state
            value, grads = jax.value_and_grad(loss)(weights, x, y)
            first = {k: BETA1 * m + (1 - BETA1) * grads[k] for k, m in first.items()}
            second = {k: BETA2 * v + (1 - BETA2) * grads[k] * grads[k] for k, v in second.items()}
            count = count + 1
            a, b = 1 - BETA1**count, 1 - BETA2**count
            weights = {
                k: w - RATE * (first[k] / a) / (jnp.sqrt(second[k] / b) + EPSILON) for k, w in weights.items()
            }
            return (weights, first, second, count), value

        compiled = jax.jit(update, donate_argnums=0)

        def step() -> object:
            nonlocal state
            state, value = compiled(state, images, labels)
            return value

        return step, lambda: {k: np.asarray(w) for k, w in state[0].items()}

    ops = Ops(
        exp=jnp.exp,
        log=jnp.log,
        tanh=jnp.tanh,
        abs=jnp.abs,
        sigmoid=jax.nn.sigmoid,
        gelu_tanh=lambda x: jax.nn.gelu(x, approximate=True),
        gelu_erf=lambda x: jax.nn.gelu(x, approximate=False),
        softmax=lambda x: jax.nn.softmax(x, axis=1),
        layer_norm=layer_norm,
        sum=jnp.sum,
        sum0=lambda x: jnp.sum(x, axis=0),
        sum1=lambda x: jnp.sum(x, axis=1),
        max=jnp.max,
        cumsum1=lambda x: jnp.cumsum(x, 1),
        sort=jnp.sort,
        mix=mixing(jax.lax.fori_loop),
        recur=recurring(jax.lax.scan, jnp.tanh),
        each_gradient=jax.vmap(jax.grad(network_loss(jnp.tanh, jnp.sum), (0, 1, 2, 3)), (*[None] * 4, 0, 0)),
    )
    return Framework(
        jax.__version__,
        jnp.array,
        np.asarray,
        jax.jit,
        ops,
        ready=jax.block_until_ready,
        training=training,
        trace=lambda f, x: jax.jit(f).trace(x),
    )


def _torch(threads: int) -> Framework:
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    torch = importlib.import_module("torch")
    fn = importlib.import_module("torch.nn.functional")
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)

    def training(params: Parameters, x: Numbers, y: Numbers) -> tuple[Step, Fetch]:
        weights = {k: torch.tensor(p) for k, p in params.items()}
        first = {k: torch.zeros_like(p) for k, p in weights.items()}
        second = {k: torch.zeros_like(p) for k, p in weights.items()}
        count, images, labels = torch.zeros(()), torch.tensor(x), torch.tensor(y).long()

        def loss(p, x, y):  # type: ignore[no-untyped-def]
            h = torch.relu(x @ p["w1"] + p["b1"])
            return fn.cross_entropy(torch.relu(h @ p["w2"] + p["b2"]) @ p["w3"] + p["b3"], y)

        def update(weights, first, second, count, x, y):  # type: ignore[no-untyped-def]
            grads, value = torch.func.grad_and_value(loss)(weights, x, y)
            count.add_(1)
            a, b = 1 - BETA1**count, 1 - BETA2**count
            for k, g in grads.items():
                first[k].lerp_(g, 1 - BETA1)
                second[k].mul_(BETA2).add_(g * g, alpha=1 - BETA2)
                weights[k].sub_(RATE * (first[k] / a) / ((second[k] / b).sqrt() + EPSILON))
            return value

        compiled = torch.compile(update, fullgraph=True)
        return (
            lambda: compiled(weights, first, second, count, images, labels),
            lambda: {k: w.numpy() for k, w in weights.items()},
        )

    def trace(f: Function, x: object) -> object:
        torch.compiler.reset()  # else a second function with the same code is not traced
        return torch.compile(f, backend="eager")(x)

    ops = Ops(
        exp=torch.exp,
        log=torch.log,
        tanh=torch.tanh,
        abs=torch.abs,
        sigmoid=torch.sigmoid,
        gelu_tanh=lambda x: fn.gelu(x, approximate="tanh"),
        gelu_erf=fn.gelu,
        softmax=lambda x: torch.softmax(x, 1),
        layer_norm=lambda x, g, b: fn.layer_norm(x, (x.shape[1],), g, b),  # type: ignore[attr-defined]
        sum=torch.sum,
        sum0=lambda x: torch.sum(x, 0),
        sum1=lambda x: torch.sum(x, 1),
        max=torch.max,
        cumsum1=lambda x: torch.cumsum(x, 1),
        sort=lambda x: torch.sort(x).values,
        mix=_not_offered("its loops are experimental"),
        recur=_not_offered("its scan is experimental"),
        each_gradient=torch.func.vmap(
            torch.func.grad(network_loss(torch.tanh, torch.sum), (0, 1, 2, 3)), (*[None] * 4, 0, 0)
        ),
    )
    return Framework(
        torch.__version__,
        torch.tensor,
        np.asarray,
        torch.compile,
        ops,
        training=training,
        trace=trace,
    )


def _numba(threads: int) -> Framework:
    numba = importlib.import_module("numba")
    loops = importlib.import_module("benchmarks.loops")
    numba.set_num_threads(threads)

    def compiled(f: Function) -> Function:
        parallel = threads > 1 and f in loops.PARALLEL
        made: Function = numba.njit(fastmath=True, parallel=parallel, cache=f in loops.CACHED)(f)
        return made

    return Framework(numba.__version__, lambda a: a, np.asarray, compiled, loops=loops.LOOPS)


FRAMEWORKS: Final[Mapping[str, Callable[[int], Framework]]] = {
    "lithograph": _lithograph,
    "numpy": _numpy,
    "jax": _jax,
    "torch": _torch,
    "numba": _numba,
}
