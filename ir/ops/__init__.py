"""The op rows, one file per family; a row knows its own op and no other.

Importing this package fills the op table, and gives `Array` a method for each public function of an array. A star
import gives `PUBLIC`: what the package `lithograph` itself has of it. The rest belongs to `lithograph.linalg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..array import Array
from . import (  # noqa: F401 - public in lithograph.fft and lithograph.linalg
    activations,
    arithmetic,
    branching,
    choosing,
    complexes,
    conversion,
    counting,
    creation,
    cumulative,
    diagonals,
    differences,
    division,
    eigenvalues,
    einstein,
    factorisations,
    fft,
    floats,
    gamma,
    gathering,
    hyperbolic,
    indexing,
    joining,
    logic,
    manipulation,
    matrix_functions,
    nan_statistics,
    nonzeros,
    norms,
    ordering,
    padding,
    powers,
    products,
    quantiles,
    ranges,
    reductions,
    repetition,
    scattering,
    searching,
    segments,
    sets,
    shapes,
    slicing,
    solving,
    statistics,
    tensor_products,
    transcendental,
    trigonometry,
)
from .activations import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .choosing import *  # noqa: F403
from .complexes import *  # noqa: F403
from .conversion import *  # noqa: F403
from .counting import *  # noqa: F403
from .creation import *  # noqa: F403
from .cumulative import *  # noqa: F403
from .diagonals import *  # noqa: F403
from .differences import *  # noqa: F403
from .division import *  # noqa: F403
from .einstein import *  # noqa: F403
from .floats import *  # noqa: F403
from .gamma import *  # noqa: F403
from .gathering import *  # noqa: F403
from .hyperbolic import *  # noqa: F403
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .logic import *  # noqa: F403
from .manipulation import *  # noqa: F403
from .nan_statistics import *  # noqa: F403
from .nonzeros import *  # noqa: F403
from .ordering import *  # noqa: F403
from .padding import *  # noqa: F403
from .powers import *  # noqa: F403
from .products import *  # noqa: F403
from .quantiles import *  # noqa: F403
from .random import *  # noqa: F403
from .random_keys import *  # noqa: F403
from .random_rejection import *  # noqa: F403
from .random_variates import *  # noqa: F403
from .ranges import *  # noqa: F403
from .reductions import *  # noqa: F403
from .repetition import *  # noqa: F403
from .searching import *  # noqa: F403
from .sets import *  # noqa: F403
from .shapes import *  # noqa: F403
from .slicing import *  # noqa: F403
from .statistics import *  # noqa: F403
from .structural import CALL as CALL
from .structural import CUSTOM_GRADIENT as CUSTOM_GRADIENT
from .structural import FUSED as FUSED
from .tensor_products import *  # noqa: F403
from .transcendental import *  # noqa: F403
from .trigonometry import *  # noqa: F403

# All their functions are methods too.
_METHODS = (
    activations,
    arithmetic,
    complexes,
    conversion,
    counting,
    cumulative,
    diagonals,
    differences,
    division,
    floats,
    gamma,
    gathering,
    hyperbolic,
    indexing,
    logic,
    manipulation,
    nan_statistics,
    nonzeros,
    ordering,
    padding,
    powers,
    products,
    quantiles,
    reductions,
    repetition,
    scattering,
    searching,
    segments,
    sets,
    shapes,
    slicing,
    statistics,
    tensor_products,
    transcendental,
    trigonometry,
)
_OTHERS = (
    "array_split", "empty_like", "full_like", "one_hot", "ones_like", "split", "tril", "triu", "vander", "zeros_like",
)  # fmt: skip

_FUNCTIONS = (choosing, creation, einstein, joining, ranges)

PUBLIC: Final = [name for family in (*_METHODS, *_FUNCTIONS) for name in family.__all__]
if not TYPE_CHECKING:
    # A type checker knows `__all__` only as a literal; without one it takes what the families export.
    __all__ = list(PUBLIC)

for _module in _METHODS:
    for _name in _module.__all__:
        setattr(Array, _name, getattr(_module, _name))
for _name in _OTHERS:
    setattr(Array, _name, globals()[_name])

setattr(Array, "__matmul__", products.matmul)  # noqa: B010
setattr(Array, "__rmatmul__", lambda right, left: products.matmul(left, right))  # noqa: B010
setattr(Array, "flatten", manipulation.ravel)  # noqa: B010
setattr(Array, "__getitem__", indexing.getitem)  # noqa: B010
setattr(Array, "at", property(indexing.At))  # noqa: B010
setattr(Array, "T", property(shapes.transpose))  # noqa: B010
setattr(Array, "mT", property(shapes.matrix_transpose))  # noqa: B010
