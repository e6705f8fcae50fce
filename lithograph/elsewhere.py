"""What functions of NumPy, JAX and TensorFlow are called here, where the names differ: for errors that say so."""

from __future__ import annotations

from typing import Final

NAMES: Final = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "around": "round",
    "array": "tensor",
    "cast": "astype",
    "checkpoint": "remat",
    "concatenate": "concat",
    "constant": "tensor",
    "convert_to_tensor": "asarray",
    "cumprod": "cumulative_prod",
    "cumsum": "cumulative_sum",
    "fabs": "abs",
    "invert": "bitwise_invert",
    "jacfwd": "jacobian",
    "jacrev": "jacobian",
    "jit": "function",
    "mod": "remainder",
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_sum": "sum",
    "trace": "linalg.trace",
    "vdot": "vecdot",
}


def unknown(name: str) -> AttributeError:
    """The error for a name that there is not."""
    said = f"module 'lithograph' has no attribute {name!r}"
    return AttributeError(f"{said}; it is lithograph.{NAMES[name]} here" if name in NAMES else said, name=name)
