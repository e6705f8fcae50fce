"""The face of Lithograph: what users import; it knows no machinery, only where the machinery is."""

# ruff: noqa: E402, F403 - the path has to be set first; the op table says what of it is public

import os
import typing as _typing
from math import e, inf, nan, pi

__version__ = "0.1.0"

# In a checkout ir/, codegen/, runtime/ and tracer/ lie beside this folder; once installed, inside it.
_here = os.path.dirname(os.path.abspath(__file__))
_beside = os.path.join(os.path.dirname(_here), "ir", "__init__.py")
if os.path.isfile(_beside) and not os.path.isdir(os.path.join(_here, "ir")):
    __path__.append(os.path.dirname(_here))

from .elsewhere import unknown as _unknown
from .ir.array import Array
from .ir.config import config
from .ir.data_types import can_cast, finfo, iinfo, isdtype, result_type
from .ir.dtypes import (
    DType,
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .ir.errors import (
    ArgumentError,
    DivisionError,
    DomainError,
    DTypeError,
    GradientError,
    IntegerOverflow,
    IRSyntaxError,
    LinAlgError,
    LithographError,
    MissingExtra,
    PassError,
    RangeError,
    ShapeError,
    SharingError,
    StateError,
    TraceError,
    VariableError,
    VerifyError,
)
from .ir.namespace import __array_namespace_info__
from .ir.ops import *
from .ir.ops import PUBLIC as _ops
from .ir.parse import parse as parse_ir
from .runtime import start as _start  # noqa: F401 - imported for its effect
from .runtime.core import Tensor
from .runtime.creation import (
    asarray,
    from_dlpack,
    scalar,
    tensor,
    tensor1d,
    tensor2d,
    tensor3d,
    tensor4d,
    tensor5d,
    tensor6d,
)
from .runtime.variable import Variable

from . import debug, fft, initializers, linalg, optimizers, random  # isort: skip - they use what stands above
from .partitions import PartitionedVariable, fixed_size_partitioner
from .scopes import (
    AUTO_REUSE,
    VariableScope,
    get_variable,
    get_variable_scope,
    global_variables,
    name_scope,
    regularization_losses,
    reset_default_scope,
    variable_scope,
)
from .tracer import shipping as _shipping  # noqa: F401 - imported for its effect
from .tracer.associative_scan import associative_scan
from .tracer.choices import cond, switch
from .tracer.concrete import ConcreteFunction
from .tracer.custom import custom_gradient
from .tracer.decorator import function
from .tracer.forward import hessian, jacobian, jvp
from .tracer.function import Function
from .tracer.loops import fori_loop, map, scan, while_loop
from .tracer.pytree import register_pytree
from .tracer.remat import remat
from .tracer.signature import TensorSpec
from .tracer.staging import run_functions_eagerly
from .tracer.tape import GradientTape
from .tracer.tidying import Memory, Profile, dispose, keep, memory, profile, tidy, time
from .tracer.transforms import grad, grads, value_and_grad, variable_grads, vjp
from .tracer.vmap import vmap

bool = bool_
newaxis = None

__all__ = [
    "AUTO_REUSE",
    "ArgumentError",
    "Array",
    "ConcreteFunction",
    "DType",
    "DTypeError",
    "DivisionError",
    "DomainError",
    "Function",
    "GradientError",
    "GradientTape",
    "IRSyntaxError",
    "IntegerOverflow",
    "LinAlgError",
    "LithographError",
    "Memory",
    "MissingExtra",
    "PartitionedVariable",
    "PassError",
    "Profile",
    "RangeError",
    "ShapeError",
    "SharingError",
    "StateError",
    "Tensor",
    "TensorSpec",
    "TraceError",
    "Variable",
    "VariableError",
    "VariableScope",
    "VerifyError",
    "__array_namespace_info__",
    "asarray",
    "associative_scan",
    "bfloat16",
    "bool",
    "bool_",
    "can_cast",
    "complex64",
    "complex128",
    "cond",
    "config",
    "custom_gradient",
    "debug",
    "dispose",
    "e",
    "fft",
    "finfo",
    "fixed_size_partitioner",
    "float16",
    "float32",
    "float64",
    "fori_loop",
    "from_dlpack",
    "function",
    "get_variable",
    "get_variable_scope",
    "global_variables",
    "grad",
    "grads",
    "hessian",
    "iinfo",
    "inf",
    "initializers",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "jacobian",
    "jvp",
    "keep",
    "linalg",
    "map",
    "memory",
    "name_scope",
    "nan",
    "newaxis",
    "optimizers",
    "parse_ir",
    "pi",
    "profile",
    "random",
    "register_pytree",
    "regularization_losses",
    "remat",
    "reset_default_scope",
    "result_type",
    "run_functions_eagerly",
    "scalar",
    "scan",
    "switch",
    "tensor",
    "tensor1d",
    "tensor2d",
    "tensor3d",
    "tensor4d",
    "tensor5d",
    "tensor6d",
    "tidy",
    "time",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "value_and_grad",
    "variable_grads",
    "variable_scope",
    "vjp",
    "vmap",
    "while_loop",
]
__all__ += list(_ops)

if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise _unknown(name)
