"""Methods of every array, for type checkers and editors; made by `./dev generate` from the op files."""

# ruff: noqa: E501, I001

from collections.abc import Sequence
from .array import Array
from .ops.axes import AxisArgument
from .ops.counting import Histogram
from .ops.gathering import Mode
from .ops.indexing import PutMode
from .ops.indexing import Reduce
from .ops.ordering import TopK
from .ops.quantiles import Method
from .ops.sets import UniqueAll
from .ops.sets import UniqueCounts
from .ops.sets import UniqueInverse
from .stage import Operand
from .types import Extent

class Methods:
    def abs(self, /) -> Array:
        """The magnitude of `x`, of complex numbers a real one; the smallest integer stays as it is."""

    def acos(self, /) -> Array:
        """The angle in radians, from 0 to pi, whose cosine is `x`; NaN beyond 1. Integers and bool count as float32."""

    def acosh(self, /) -> Array:
        """The inverse of `cosh`, from zero on; NaN where `x` is below 1. Integers and bool count as float32."""

    def add(self, x2: Operand, /) -> Array:
        """`x1 + x2`; integers wrap, bool is logical or."""

    def all(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """Whether all elements over `axis` differ from zero, as bool."""

    def angle(self, /) -> Array:
        """The angle of each element in the complex plane, from -pi to pi, in radians; of negative real numbers pi.

        Integers and bool count as float32.
        """

    def any(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """Whether an element over `axis` differs from zero, as bool."""

    def argmax(self, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        """The index of the first maximum along `axis`, as int64; of the first NaN if there is one; None: in all
        of `x`.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def argmin(self, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        """The index of the first minimum along `axis`, as int64; of the first NaN if there is one; None: in all
        of `x`.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def argsort(self, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
        """The indices along `axis` that put the elements of `x` in the order of `sort`, as int64.

        Raises:
            ShapeError: there is no such axis.
        """

    def argwhere(self, /, *, size: int | None = None, fill_value: Operand = 0) -> Array:
        """The indices of the elements that are not zero, one row for each; the rest as for `nonzero`."""

    def array_split(self, sections_or_indices: int | Sequence[int], /, *, axis: int = 0) -> list[Array]:
        """`x` cut as `split` does, but parts may be unequal: the first ones are longer by one.

        Raises:
            ShapeError: there are no sections, the extent is symbolic, or an index lies outside.
        """

    def asin(self, /) -> Array:
        """The angle in radians, from -pi/2 to pi/2, whose sine is `x`; NaN beyond 1. Integers count as float32."""

    def asinh(self, /) -> Array:
        """The inverse of `sinh`. Integers and bool count as float32."""

    def astype(self, dtype: object, /, *, copy: bool = True, device: object = None) -> Array:
        """The values of `x` in another dtype.

        A float becomes an integer by truncation, saturated at the dtype's limits, and 0 for NaN; an integer
        wraps; to bool is `x != 0`. Arrays never change, so `copy` makes no difference.

        Raises:
            DTypeError: `dtype` is not a dtype.
            ArgumentError: `device` is neither "cpu" nor None.
        """

    def atan(self, /) -> Array:
        """The angle in radians, from -pi/2 to pi/2, whose tangent is `x`. Integers and bool count as float32."""

    def atan2(self, x2: Operand, /) -> Array:
        """The angle in radians, from -pi to pi, of the point with the height `x1` and the width `x2`.

        The signs of zeros tell the side of an axis. The gradient at the origin is zero. Integers and bool count as float32.
        """

    def atanh(self, /) -> Array:
        """The inverse of `tanh`; infinite at -1 and 1, NaN beyond. Integers and bool count as float32."""

    def atleast_1d(self, /) -> Array:
        """`x`, with an axis of extent 1 when it is 0-d."""

    def atleast_2d(self, /) -> Array:
        """`x` with as many leading axes of extent 1 as make its rank 2."""

    def atleast_3d(self, /) -> Array:
        """`x` with as many axes of extent 1 as make its rank 3: (), (n,), (m, n) become (1, 1, 1), (1, n, 1), (m, n, 1)."""

    def average(
        self,
        /,
        *,
        axis: AxisArgument = None,
        weights: Operand | None = None,
        keepdims: bool = False,
    ) -> Array:
        """The mean over `axis` in which each element counts as much as its weight: `sum(x * w) / sum(w)`.

        `weights` has the shape of `x`, or is 1-D along the one axis that is reduced. Integers and bool count as
        float32. Weights that sum to zero give NaN or an infinity.

        Raises:
            ShapeError: the weights fit neither `x` nor the axis.
        """

    def bincount(
        self,
        /,
        weights: Operand | None = None,
        *,
        minlength: int = 0,
        length: Extent | None = None,
    ) -> Array:
        """How often each integer from 0 on stands in the 1-D `x`, as int64, or the sum of the `weights` there.

        Args:
            x: the integers.
            weights: what each counts; 1 when None. Sums are made in their dtype and in the order of `x`.
            minlength: the least length of the result, which else ends at the largest integer.
            length: the length of the result; a traced function needs it.

        Raises:
            RangeError: an integer is negative, or not below `length`.
            DTypeError: `x` are no integers.
            ShapeError: `x` has not one axis, or `weights` another shape.
            TraceError: `length` is missing while tracing.
        """

    def bitwise_and(self, x2: Operand, /) -> Array:
        """The bits set in both; bool or integers."""

    def bitwise_invert(self, /) -> Array:
        """All bits turned over; bool or integers."""

    def bitwise_left_shift(self, x2: Operand, /) -> Array:
        """The bits of `x1` moved up by `x2`; 0 where `x2` is negative, or not below the width."""

    def bitwise_or(self, x2: Operand, /) -> Array:
        """The bits set in one of them; bool or integers."""

    def bitwise_right_shift(self, x2: Operand, /) -> Array:
        """The bits of `x1` moved down by `x2`, its sign kept; 0 or -1 where `x2` is negative, or not below the width."""

    def bitwise_xor(self, x2: Operand, /) -> Array:
        """The bits set in just one of them; bool or integers."""

    def broadcast_arrays(self) -> list[Array]:
        """The arrays broadcast against one another, each with its own dtype.

        Raises:
            ShapeError: the shapes do not broadcast together.
        """

    def broadcast_to(self, /, shape: Sequence[Extent]) -> Array:
        """`x` repeated along axes that it lacks, or has with extent 1, up to `shape`.

        Raises:
            ShapeError: `x` does not broadcast to `shape`.
        """

    def cbrt(self, /) -> Array:
        """The cube root, also of negative numbers. Integers and bool count as float32."""

    def ceil(self, /) -> Array:
        """The smallest integral value not below `x`, in the dtype of `x`."""

    def clip(self, /, min: Operand | None = None, max: Operand | None = None) -> Array:
        """`x` limited to `min` from below, then to `max` from above; None leaves a side open."""

    def conj(self, /) -> Array:
        """The complex conjugate, `real(x) - imag(x) i`; of real numbers `x` itself."""

    def copysign(self, x2: Operand, /) -> Array:
        """The magnitude of `x1` with the sign bit of `x2`. Integers and bool count as float32."""

    def cos(self, /) -> Array:
        """The cosine of `x` radians; NaN at infinity. Integers and bool count as float32."""

    def cosh(self, /) -> Array:
        """The hyperbolic cosine. Integers and bool count as float32."""

    def count_nonzero(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The number of elements over `axis` that differ from zero, as int64; NaN differs."""

    def cross(self, x2: Operand, /, *, axis: int = -1) -> Array:
        """The vector products of vectors of three elements along `axis`; the other axes broadcast together.

        Raises:
            ShapeError: an extent along `axis` is not 3, or the others do not broadcast.
        """

    def cumulative_logsumexp(self, /, *, axis: int | None = None) -> Array:
        """The logarithms of the sums of exponentials up to each index along `axis`, without overflow.

        Integers and bool count as float32. Each sum is kept relative to the greatest element so far.

        Raises:
            ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
        """

    def cumulative_max(self, /, *, axis: int | None = None) -> Array:
        """The greatest element up to each index along `axis`; NaN from the first one on, and -0 < +0.

        Of equal elements, the first takes the gradient.

        Raises:
            ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
        """

    def cumulative_min(self, /, *, axis: int | None = None) -> Array:
        """The smallest element up to each index along `axis`; NaN from the first one on, and -0 < +0.

        Of equal elements, the first takes the gradient.

        Raises:
            ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
        """

    def cumulative_prod(
        self,
        /,
        *,
        axis: int | None = None,
        dtype: object = None,
        include_initial: bool = False,
    ) -> Array:
        """The products of the elements up to each index along `axis` (which may be left out for a 1-D tensor).

        Floats are multiplied one after another. Bool and integers below 32 bits are multiplied in int32 or
        uint32; with `dtype`, `x` is converted to it first. `include_initial` puts the empty product, 1, before
        the others. The gradient is exact also where factors are zero.

        Raises:
            ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
            DTypeError: `dtype` is bool or no dtype.
        """

    def cumulative_sum(
        self,
        /,
        *,
        axis: int | None = None,
        dtype: object = None,
        include_initial: bool = False,
    ) -> Array:
        """The sums of the elements up to each index along `axis` (which may be left out for a 1-D tensor).

        Floats are added one after another. Bool and integers below 32 bits are summed in int32 or uint32; with
        `dtype`, `x` is converted to it first. `include_initial` puts the empty sum, 0, before the others.

        Raises:
            ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
            DTypeError: `dtype` is bool or no dtype.
        """

    def deg2rad(self, /) -> Array:
        """Degrees as radians. Integers and bool count as float32."""

    def diag(self, /, *, k: int = 0) -> Array:
        """A square matrix with the 1-D `x` on diagonal `k`, or that diagonal of the 2-D `x`.

        Raises:
            ShapeError: `x` has neither one axis nor two.
        """

    def diag_embed(self, /, *, offset: int = 0) -> Array:
        """Square matrices with the last axis of `x` on diagonal `offset` (above the main one where positive), else zeros.

        Raises:
            ShapeError: `x` is 0-d.
        """

    def diagonal(self, /, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
        """The elements of `x` at which the index along `axis2` is `offset` more than that along `axis1`.

        They lie along the last axis of the result, which lacks the two axes.

        Raises:
            ShapeError: `x` has no two such axes.
        """

    def diff(
        self,
        /,
        *,
        axis: int = -1,
        n: int = 1,
        prepend: Operand | None = None,
        append: Operand | None = None,
    ) -> Array:
        """Each element along `axis` less the one before it, `n` times over; for bool, whether the two differ.

        `prepend` and `append` are put before and after `x` first; a number, or a 0-d tensor, counts as one slice.
        The axis becomes shorter by `n`, but not below 0. Integers wrap.

        Raises:
            ShapeError: `x` is 0-d, there is no such axis, or what is put beside it does not fit.
            ArgumentError: `n` is negative.
        """

    def digamma(self, /) -> Array:
        """The derivative of `lgamma`, psi; NaN at negative whole numbers. Integers and bool count as float32."""

    def digitize(self, bins: Operand, /, *, right: bool = False) -> Array:
        """The number of the bin that each element of `x` lies in: 0 before the first edge, n behind the last, as int64.

        `bins` are edges that increase or decrease. A bin holds its lower edge, or with `right` its upper one instead.

        Raises:
            ShapeError: `bins` has not one axis.
            DomainError: `bins` neither increase nor decrease (told where values are known; else the result is some number).
        """

    def divide(self, x2: Operand, /) -> Array:
        """`x1 / x2`, correctly rounded; integers and bool are divided as float32."""

    def divmod(self, x2: Operand, /) -> tuple[Array, Array]:
        """`floor_divide(x1, x2)` and `remainder(x1, x2)`.

        Raises:
            DivisionError: an integer divisor is zero, when the value is computed.
        """

    def dot(self, x2: Operand, /) -> Array:
        """The sum of products over the last axis of `x1` and the last but one (or only one) of `x2`, as NumPy means it.

        The result has the other axes of `x1`, then those of `x2`; where an operand is 0-d, it is the plain product.

        Raises:
            ShapeError: the extents of those axes differ.
        """

    def elu(self, /, *, alpha: float = 1.0) -> Array:
        """`x` above zero, `alpha * (exp(x) - 1)` elsewhere (Clevert and others, 2015)."""

    def empty_like(self, /, *, dtype: object = None, device: object = None) -> Array:
        """Zeros (see `empty`) in the shape and (unless `dtype` is given) the dtype of `x`."""

    def equal(self, x2: Operand, /) -> Array:
        """Where `x1 == x2`, as bool; false with NaN."""

    def erf(self, /) -> Array:
        """The error function. Integers and bool count as float32."""

    def erfc(self, /) -> Array:
        """`1 - erf(x)`, accurate also where it is tiny. Integers and bool count as float32."""

    def exp(self, /) -> Array:
        """e to the power `x`. Integers and bool count as float32."""

    def exp2(self, /) -> Array:
        """2 to the power `x`, exact for whole numbers. Integers and bool count as float32."""

    def expand_dims(self, /, *, axis: int | Sequence[int] = 0) -> Array:
        """`x` with new axes of extent 1, where `axis` counts in the result.

        Raises:
            ShapeError: the result has no such axis.
        """

    def expm1(self, /) -> Array:
        """`exp(x) - 1`, exact near zero. Integers and bool count as float32."""

    def flatnonzero(self, /, *, size: int | None = None, fill_value: Operand = 0) -> Array:
        """The indices of the elements that are not zero in `x` read in row-major order; the rest as for `nonzero`."""

    def flatten(self, /) -> Array:
        """The elements of `x` in row-major order along one axis."""

    def flip(self, /, *, axis: AxisArgument = None) -> Array:
        """`x` with the order along `axis` (None: along all) reversed."""

    def fliplr(self, /) -> Array:
        """`x` with the order along its second axis reversed.

        Raises:
            ShapeError: there is no such axis.
        """

    def flipud(self, /) -> Array:
        """`x` with the order along its first axis reversed.

        Raises:
            ShapeError: there is no such axis.
        """

    def floor(self, /) -> Array:
        """The largest integral value not above `x`, in the dtype of `x`."""

    def floor_divide(self, x2: Operand, /) -> Array:
        """The quotient rounded down; bool counts as int32, and the smallest integer by -1 wraps.

        Floats follow Python's `//`: the quotient belongs to the exact remainder. But where one is infinite it is the
        rounded quotient, as the Array API standard has it: `inf // 2` is infinite, and `1 // -inf` is -0.

        Raises:
            DivisionError: an integer divisor is zero, when the value is computed.
        """

    def fmax(self, x2: Operand, /) -> Array:
        """The greater one of each pair, a number before NaN, and -0 < +0. Of equals, `x1` takes the gradient."""

    def fmin(self, x2: Operand, /) -> Array:
        """The smaller one of each pair, a number before NaN, and -0 < +0. Of equals, `x1` takes the gradient."""

    def fmod(self, x2: Operand, /) -> Array:
        """What the quotient rounded towards zero leaves, with the sign of `x1`; exact. Bool counts as int32.

        Raises:
            DivisionError: an integer divisor is zero, when the value is computed.
        """

    def frexp(self, /) -> tuple[Array, Array]:
        """The fractions, in magnitude from 1/2 on and below 1, and int32 exponents with `x = fraction * 2**exponent`.

        Zeros, infinities and NaN are their own fractions, with the exponent 0. Integers and bool count as float32.
        """

    def full_like(self, /, fill_value: Operand, *, dtype: object = None, device: object = None) -> Array:
        """An array with one value everywhere, of the shape and (unless `dtype` is given) the dtype of `x`."""

    def gather(
        self,
        indices: Operand | tuple[Operand, ...],
        /,
        *,
        axis: int | Sequence[int] = 0,
        mode: Mode = 'raise',
        fill_value: Operand = 0,
    ) -> Array:
        """The slices of `x` at `indices` (integers of any shape, negative from the end) along `axis`.

        With several axes, `indices` is a tuple of as many arrays, which broadcast together. Their common axes replace
        the axes indexed, and stand first where those are not neighbours. An index outside its axis is an error, or by
        `mode`: "clip", the nearest place; "wrap", the place modulo the extent; "fill", `fill_value`.

        Raises:
            RangeError: an index is outside its axis, when the value is computed; modes "clip" and "wrap" only where the
                axis is empty.
            DTypeError: `indices` are no integers.
            ShapeError: there is no such axis, or the index arrays do not broadcast.
        """

    def gelu(self, /, *, approximate: bool = False) -> Array:
        """`x` times the normal distribution's probability below `x`; `approximate`: by tanh (Hendrycks and
        Gimpel, 2016).
        """

    def greater(self, x2: Operand, /) -> Array:
        """Where `x1 > x2`, as bool; false with NaN."""

    def greater_equal(self, x2: Operand, /) -> Array:
        """Where `x1 >= x2`, as bool; false with NaN."""

    def hard_sigmoid(self, /) -> Array:
        """`x / 6 + 1/2` limited to 0 and 1."""

    def hard_silu(self, /) -> Array:
        """`x * hard_sigmoid(x)`, also called hard swish (Howard and others, 2019)."""

    def heaviside(self, x2: Operand, /) -> Array:
        """0 below zero, 1 above, `x2` where `x1` is zero; NaN for NaN. Integers and bool count as float32."""

    def histogram(
        self,
        /,
        bins: int | Operand = 10,
        *,
        range: tuple[float, float] | None = None,
        weights: Operand | None = None,
        density: bool = False,
    ) -> Histogram:
        """How many elements of `x` lie in each of some bins.

        Args:
            x: values of any shape; those outside of all bins, and NaN, are not counted.
            bins: the number of bins of equal width, or their edges in increasing order. A bin holds its lower edge, the
                last one its upper edge too.
            range: where the bins begin and end; the extremes of `x` when None.
            weights: of the shape of `x`: what each element counts, in their dtype; else the result is int64.
            density: divide by the total and the width of the bin, so that the integral is 1.

        Edges that are made have the dtype of `x`, float64 for integers of 32 bits and more, float32 for narrower ones.

        Raises:
            DomainError: the range is not finite, or edges decrease (told where values are known).
            ShapeError: there is no bin, or shapes differ.
        """

    def hypot(self, x2: Operand, /) -> Array:
        """`sqrt(x1**2 + x2**2)`, without overflow on the way; infinite where a side is, even if the other is NaN.

        The gradient at two zero sides is zero. Integers and bool count as float32.
        """

    def imag(self, /) -> Array:
        """The imaginary part of each element, as float32 or float64; of real numbers zeros."""

    def inner(self, x2: Operand, /) -> Array:
        """The sum of products over the last axis of both; the plain product where one is 0-d.

        Raises:
            ShapeError: the extents of the last axes differ.
        """

    def intersect1d(self, x2: Operand, /) -> Array:
        """The values that are in `x1` and in `x2`, in order; NaN in none. Errors as for `union1d`."""

    def isfinite(self, /) -> Array:
        """Where `x` is neither infinite nor NaN, as bool."""

    def isin(self, x2: Operand, /, *, invert: bool = False) -> Array:
        """For each element of `x1` whether it equals one of `x2` (or, with `invert`, none), as bool; NaN equals nothing."""

    def isinf(self, /) -> Array:
        """Where `x` is infinite, as bool."""

    def isnan(self, /) -> Array:
        """Where `x` is NaN, as bool."""

    def kron(self, x2: Operand, /) -> Array:
        """The Kronecker product: each element of `x1` times the whole of `x2`, laid out as blocks.

        The lower rank is filled up with leading axes of extent 1; the extents of the result are the products of those
        of the operands.
        """

    def ldexp(self, x2: Operand, /) -> Array:
        """`x1` times 2 to the power `x2`, rounded once; `x2` are integers. Integers and bool of `x1` count as float32.

        Raises:
            DTypeError: `x2` are floats.
        """

    def leaky_relu(self, /, *, slope: float = 0.2) -> Array:
        """`x` above zero, `slope * x` elsewhere."""

    def less(self, x2: Operand, /) -> Array:
        """Where `x1 < x2`, as bool; false with NaN."""

    def less_equal(self, x2: Operand, /) -> Array:
        """Where `x1 <= x2`, as bool; false with NaN."""

    def lexsort(self, /, *, axis: int = -1) -> Array:
        """The indices that sort by several keys of one shape, the last key first, as int64.

        Raises:
            ArgumentError: there is no key.
            ShapeError: the keys differ in shape, or there is no such axis.
        """

    def lgamma(self, /) -> Array:
        """The logarithm of the gamma function's magnitude; infinite at poles. Integers and bool count as float32."""

    def log(self, /) -> Array:
        """The natural logarithm; -inf at zero, NaN below. Integers and bool count as float32."""

    def log10(self, /) -> Array:
        """The logarithm to base 10; -inf at zero, NaN below. Integers and bool count as float32."""

    def log1p(self, /) -> Array:
        """`log(1 + x)`, exact near zero. Integers and bool count as float32."""

    def log2(self, /) -> Array:
        """The logarithm to base 2; -inf at zero, NaN below. Integers and bool count as float32."""

    def log_sigmoid(self, /) -> Array:
        """The logarithm of `sigmoid`, without loss of accuracy."""

    def log_softmax(self, /, *, axis: AxisArgument = -1) -> Array:
        """The logarithm of `softmax`, without loss of accuracy."""

    def logaddexp(self, x2: Operand, /) -> Array:
        """`log(exp(x1) + exp(x2))`, without overflow on the way. Integers and bool count as float32."""

    def logical_and(self, x2: Operand, /) -> Array:
        """Where both are not zero, as bool."""

    def logical_not(self, /) -> Array:
        """Where `x` is zero, as bool."""

    def logical_or(self, x2: Operand, /) -> Array:
        """Where one of them is not zero, as bool."""

    def logical_xor(self, x2: Operand, /) -> Array:
        """Where just one of them is not zero, as bool."""

    def logsumexp(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The logarithm of the sum of exponentials over `axis`, without overflow."""

    def matmul(self, x2: Operand, /) -> Array:
        """The matrix product over the last axis of `x1` and the last but one of `x2`, batched over leading axes.

        A 1-D operand is a row on the left and a column on the right, and its axis is not in the result. Integers
        wrap in their common dtype; of bool the sum is `or` and the product `and`.

        Raises:
            ShapeError: inner extents differ, leading axes do not broadcast, or an operand is 0-d.
        """

    def matrix_transpose(self, /) -> Array:
        """`x` with its last two axes exchanged.

        Raises:
            ShapeError: `x` has fewer than two axes.
        """

    def max(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The maximum over `axis`; NaN if there is one, and -0 < +0. Equal ones share the gradient evenly.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def maximum(self, x2: Operand, /) -> Array:
        """The greater one of each pair; NaN if one is NaN, and -0 < +0. Of equals, `x1` takes the gradient."""

    def mean(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The sum over `axis` divided by the number of elements; integers and bool count as float32.

        Of no elements it is NaN.
        """

    def median(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The middle one of the sorted elements over `axis`, or the mean of the two in the middle; NaN if one is NaN.

        Integers and bool count as float32.

        Raises:
            ShapeError: there are no elements.
        """

    def min(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The minimum over `axis`; NaN if there is one, and -0 < +0. Equal ones share the gradient evenly.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def minimum(self, x2: Operand, /) -> Array:
        """The smaller one of each pair; NaN if one is NaN, and -0 < +0. Of equals, `x1` takes the gradient."""

    def mish(self, /) -> Array:
        """`x * tanh(softplus(x))` (Misra, 2019)."""

    def moveaxis(self, source: int | Sequence[int], destination: int | Sequence[int], /) -> Array:
        """`x` with one axis, or several, moved to other places, the rest in their order.

        Raises:
            ShapeError: there is no such axis, one is named twice, or sources and destinations differ in number.
        """

    def multiply(self, x2: Operand, /) -> Array:
        """`x1 * x2`; integers wrap, bool is logical and."""

    def nan_to_num(self, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
        """`x` with other numbers for NaN and the infinities; by default 0, and the largest and smallest finite floats.

        Complex numbers: each part by itself. Integers and bool count as float32.
        """

    def nanmax(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The maximum over `axis` of the elements that are not NaN; NaN where all are.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def nanmean(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The mean over `axis` of the elements that are not NaN; NaN where there is none.

        Integers and bool count as float32.
        """

    def nanmedian(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The median (see `median`) of the elements that are not NaN; NaN where all are.

        Raises:
            ShapeError: there are no elements.
        """

    def nanmin(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The minimum over `axis` of the elements that are not NaN; NaN where all are.

        Raises:
            ShapeError: there are no elements to choose from.
        """

    def nanprod(self, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
        """The product over `axis` (see `prod`) with 1 in place of NaN."""

    def nanquantile(
        self,
        q: Operand,
        /,
        *,
        axis: AxisArgument = None,
        method: Method = 'linear',
        keepdims: bool = False,
    ) -> Array:
        """The quantile (see `quantile`) of the elements that are not NaN; NaN where all are.

        Raises:
            ShapeError: there are no elements, or `q` has more than one axis.
            ArgumentError: a part is outside 0 to 1 (in a tensor, it gives NaN), or there is no such method.
        """

    def nanstd(self, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The square root of the variance over `axis` (see `nanvar`)."""

    def nansum(self, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
        """The sum over `axis` (see `sum`) with 0 in place of NaN."""

    def nanvar(self, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The variance over `axis` (see `var`) of the elements that are not NaN.

        Raises:
            ArgumentError: `correction` is no finite number.
        """

    def negative(self, /) -> Array:
        """`-x`; integers wrap.

        Raises:
            DTypeError: `x` is bool.
        """

    def nextafter(self, x2: Operand, /) -> Array:
        """The float next to `x1` on the way to `x2`; `x2` where they are equal. Integers and bool count as float32."""

    def nonzero(self, /, *, size: int | None = None, fill_value: Operand = 0) -> tuple[Array, ...]:
        """For each axis of `x` the indices of the elements that are not zero, in row-major order, as int64.

        Args:
            x: the elements; NaN is not zero.
            size: the number of places, which a traced function needs; those that are missing get `fill_value`.
            fill_value: an index.

        Raises:
            ShapeError: `x` has no axis.
            TraceError: `size` is missing while tracing.
            DomainError: there are more than `size` places, when the value is computed.
        """

    def not_equal(self, x2: Operand, /) -> Array:
        """Where `x1 != x2`, as bool; true with NaN."""

    def one_hot(self, depth: int, /, *, axis: int = -1, dtype: object = None) -> Array:
        """Ones where position equals index along a new axis of extent `depth`; an index outside gives zeros.

        Raises:
            DTypeError: `indices` are no integers.
            ShapeError: the result has no axis `axis`, or `depth` is negative.
        """

    def ones_like(self, /, *, dtype: object = None, device: object = None) -> Array:
        """Ones in the shape and (unless `dtype` is given) the dtype of `x`."""

    def outer(self, x2: Operand, /) -> Array:
        """The products of each element of one vector with each of another, as a matrix.

        Raises:
            ShapeError: an operand is not 1-D.
        """

    def pad(
        self,
        widths: int | tuple[int, int] | Sequence[tuple[int, int]],
        /,
        *,
        mode: str = 'constant',
        constant_values: Operand = 0,
    ) -> Array:
        """`x` with something around it.

        Args:
            x: the array.
            widths: the numbers of elements before and after, a pair per axis, or one pair or number for all.
            mode: `constant` puts `constant_values` there; `edge` repeats the outermost element; `reflect` mirrors at
                the outermost element, `symmetric` behind it; `wrap` goes on at the other end.
            constant_values: one number.

        Raises:
            ShapeError: a width is negative, the pairs are not one per axis, or an axis without elements is to be
                continued.
            ArgumentError: there is no such mode.
        """

    def percentile(
        self,
        q: Operand,
        /,
        *,
        axis: AxisArgument = None,
        method: Method = 'linear',
        keepdims: bool = False,
    ) -> Array:
        """The quantile (see `quantile`) at `q` per cent.

        Raises:
            ShapeError: there are no elements, or `q` has more than one axis.
            ArgumentError: a percentage is outside 0 to 100 (in a tensor, it gives NaN), or there is no such method.
        """

    def permute_dims(self, /, axes: Sequence[int]) -> Array:
        """Axis i of the result is axis `axes[i]` of `x`; the Array API's name of `transpose`."""

    def polygamma(self, /, *, n: int) -> Array:
        """The derivative number `n` of `digamma`; `n` is a Python int from 0 to 20. Integers and bool count as float32.

        Raises:
            ArgumentError: `n` is something else.
        """

    def positive(self, /) -> Array:
        """`x` itself.

        Raises:
            DTypeError: `x` is bool.
        """

    def pow(self, x2: Operand, /) -> Array:
        """`x1` to the power `x2`; IEEE 754 `pow` for floats, where an exponent of 2 gives `x1 * x1`; integers
        wrap.

        Raises:
            DomainError: a negative exponent in integers, when the value is computed.
        """

    def power(self, x2: Operand, /) -> Array:
        """`x1` to the power `x2`; IEEE 754 `pow` for floats, where an exponent of 2 gives `x1 * x1`; integers
        wrap.

        Raises:
            DomainError: a negative exponent in integers, when the value is computed.
        """

    def prod(self, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
        """The product over `axis` (an int, several, or None for all); of no elements it is 1.

        Floats are multiplied in order T8 (`ir/reduction.py`); bool and integers below 32 bits are multiplied in
        int32 or uint32. With `dtype`, `x` is converted to it first, and the result has it. The gradient is exact
        also where factors are zero.

        Raises:
            DTypeError: `dtype` is bool or no dtype.
        """

    def ptp(self, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
        """The range over `axis`: the maximum less the minimum, in the dtype of `x`; NaN if there is one.

        Raises:
            ShapeError: there are no elements to choose from.
            DTypeError: `x` is bool.
        """

    def put_along_axis(
        self,
        indices: Operand,
        values: Operand,
        /,
        *,
        axis: int = -1,
        reduce: Reduce = 'set',
        mode: PutMode = 'raise',
    ) -> Array:
        """`x` with `values` put where `take_along_axis(x, indices, axis=axis)` reads; NumPy's function changes `x` itself.

        Raises:
            RangeError: an index is outside its axis, when the value is computed.
            DTypeError: `indices` are no integers, or values would lose their kind.
            ShapeError: ranks differ, shapes do not broadcast, or there is no such axis.
        """

    def quantile(
        self,
        q: Operand,
        /,
        *,
        axis: AxisArgument = None,
        method: Method = 'linear',
        keepdims: bool = False,
    ) -> Array:
        """The value below which the part `q` (0 to 1) of the elements over `axis` lies; NaN if one is NaN.

        In the sorted row of n elements it lies at place `q * (n - 1)`, counted from 0 (Hyndman and Fan, 1996, type
        7). Between two elements, `method` interpolates linearly, or takes the lower, the higher, the nearest (an even
        place at a tie), or the middle of the two. A 1-D `q` puts an axis of its own before the others. Integers and
        bool count as float32.

        Raises:
            ShapeError: there are no elements, or `q` has more than one axis.
            ArgumentError: a part is outside 0 to 1 (in a tensor, it gives NaN), or there is no such method.
        """

    def rad2deg(self, /) -> Array:
        """Radians as degrees. Integers and bool count as float32."""

    def ravel(self, /) -> Array:
        """The elements of `x` in row-major order along one axis."""

    def real(self, /) -> Array:
        """The real part of each element, as float32 or float64; of real numbers `x` itself."""

    def reciprocal(self, /) -> Array:
        """`1 / x`, correctly rounded. Integers and bool count as float32."""

    def relu(self, /) -> Array:
        """`x` where it is above zero, +0 elsewhere; NaN for NaN. Its derivative at zero is zero."""

    def relu6(self, /) -> Array:
        """`x` limited to 0 from below and to 6 from above."""

    def remainder(self, x2: Operand, /) -> Array:
        """What the quotient rounded down leaves, with the sign of `x2`; bool counts as int32. Floats: exact, then
        rounded.

        Raises:
            DivisionError: an integer divisor is zero, when the value is computed.
        """

    def repeat(
        self,
        repeats: Operand | list[int] | tuple[int, ...],
        /,
        *,
        axis: int | None = None,
        total_repeat_length: int | None = None,
    ) -> Array:
        """Each element of `x` along `axis` several times in a row; without `axis`, `x` is flattened first.

        Args:
            x: the array.
            repeats: how often, one integer for all or one for each.
            axis: the axis, or None.
            total_repeat_length: the sum of several repeats; a traced function needs it.

        Raises:
            DomainError: a number is negative, or the sum is not `total_repeat_length`.
            DTypeError: `repeats` are no integers.
            ShapeError: there is no such axis, or `repeats` are neither one nor one for each element.
            TraceError: `total_repeat_length` is missing while tracing.
        """

    def reshape(self, /, shape: Extent | Sequence[Extent], *more: Extent, copy: bool | None = None) -> Array:
        """The elements of `x` in row-major order under another shape; one extent may be -1, the rest then decides
        it.

        `copy` is there for the Array API: a tensor never changes, so the result may share the memory of `x`, and True
        asks for nothing that could be told apart.

        Raises:
            ShapeError: the sizes differ.
        """

    def roll(self, /, shift: Operand | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Array:
        """`x` with its elements moved by `shift` places along `axis`; what leaves at the end enters at the start.

        Args:
            x: the array.
            shift: how far, negative towards the start; several for as many axes. One may be a 0-d integer tensor.
            axis: one or several; None rolls the elements in row-major order.

        Raises:
            ShapeError: there is no such axis, or shifts and axes differ in number.
            DTypeError: a shift is no integer.
        """

    def rot90(self, /, k: int = 1, *, axes: tuple[int, int] = (0, 1)) -> Array:
        """`x` turned `k` times by 90 degrees in the plane of two axes, from the first towards the second.

        Raises:
            ShapeError: the axes are not two different ones of `x`.
        """

    def round(self, /) -> Array:
        """The nearest integral value, halves to even, in the dtype of `x`; of complex numbers, of either part."""

    def rsqrt(self, /) -> Array:
        """`1 / sqrt(x)`, both correctly rounded (at most 1.5 ULP). Integers and bool count as float32."""

    def scatter(
        self,
        indices: Operand | tuple[Operand, ...],
        updates: Operand,
        /,
        *,
        axis: int | Sequence[int] = 0,
        reduce: Reduce = 'set',
        mode: PutMode = 'raise',
    ) -> Array:
        """`x` with `updates` put where `gather(x, indices, axis=axis)` reads.

        By `reduce` an update replaces what is there (the last one for a place stays), or is joined to it: "add",
        "multiply", "divide", "min", "max", in the order of the indices. Modes are those of `x.at[...]`.

        Raises:
            RangeError: an index is outside its axis, when the value is computed.
            DTypeError: `indices` are no integers, or updates would lose their kind.
            ShapeError: there is no such axis, or shapes do not broadcast.
        """

    def searchsorted(self, x2: Operand, /, *, side: str = 'left', sorter: Operand | None = None) -> Array:
        """For each element of `x2` the index at which it would enter the sorted `x1` so that it stays sorted, as int64.

        Args:
            x1: one axis of values in the order of `sort` (where they are not, the result is some index from 0 to n).
            x2: values of any shape.
            side: `left` gives the first such index, `right` the last.
            sorter: indices that sort `x1`, as `argsort` gives them.

        Raises:
            ShapeError: `x1` has not one axis.
            ArgumentError: there is no such side.
        """

    def selu(self, /) -> Array:
        """`elu` scaled so that layers normalise themselves; the constants are those of Klambauer and others, 2017."""

    def setdiff1d(self, x2: Operand, /) -> Array:
        """The values that are in `x1` and not in `x2`, in order. Errors as for `union1d`."""

    def setxor1d(self, x2: Operand, /) -> Array:
        """The values that are in just one of `x1` and `x2`, in order. Errors as for `union1d`."""

    def sigmoid(self, /) -> Array:
        """`1 / (1 + exp(-x))`. Integers and bool count as float32."""

    def sign(self, /) -> Array:
        """-1, 0 or 1 as `x` is below, at or above zero; NaN for NaN. Of complex numbers `x / abs(x)`, and 0 at 0."""

    def signbit(self, /) -> Array:
        """Where the sign bit of `x` is set, as bool: also for -0, and for a NaN that has it. Integers count as float32."""

    def silu(self, /) -> Array:
        """`x * sigmoid(x)`, also called swish (Elfwing and others, 2017)."""

    def sin(self, /) -> Array:
        """The sine of `x` radians; NaN at infinity. Integers and bool count as float32."""

    def sinc(self, /) -> Array:
        """`sin(pi x) / (pi x)`, and 1 at zero; zero at all other whole numbers. Integers and bool count as float32."""

    def sinh(self, /) -> Array:
        """The hyperbolic sine. Integers and bool count as float32."""

    def softmax(self, /, *, axis: AxisArgument = -1) -> Array:
        """Exponentials divided by their sum over `axis`; NaN where all are -inf."""

    def softplus(self, /) -> Array:
        """`log(1 + exp(x))`, without overflow."""

    def softsign(self, /) -> Array:
        """`x / (1 + abs(x))`."""

    def sort(self, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
        """The elements of `x` in order along `axis`.

        A NaN counts as greater than every number, and the zeros as equal. Equal elements keep their order, whatever
        `stable` says.

        Raises:
            ShapeError: there is no such axis.
        """

    def split(self, sections_or_indices: int | Sequence[int], /, *, axis: int = 0) -> list[Array]:
        """`x` cut along `axis` into that many equal parts, or before each of the indices (which may not
        decrease).

        Raises:
            ShapeError: the extent is not a multiple of the sections, is symbolic, or an index lies outside.
        """

    def sqrt(self, /) -> Array:
        """The square root, correctly rounded; NaN below zero. Integers and bool count as float32."""

    def square(self, /) -> Array:
        """`x * x`; integers wrap."""

    def squeeze(self, /, axis: AxisArgument = None) -> Array:
        """`x` without the axes named, which must have extent 1; None names all such axes.

        Raises:
            ShapeError: an extent is not 1.
        """

    def std(self, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The square root of the variance over `axis` (see `var`)."""

    def stop_gradient(self, /) -> Array:
        """`x`, held constant under differentiation."""

    def subtract(self, x2: Operand, /) -> Array:
        """`x1 - x2`; integers wrap.

        Raises:
            DTypeError: both are bool.
        """

    def sum(self, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
        """The sum over `axis` (an int, several, or None for all); of no elements it is 0.

        Floats are added in order T8 (`ir/reduction.py`); bool and integers below 32 bits are summed in int32 or
        uint32. With `dtype`, `x` is converted to it first, and the result has it.

        Raises:
            DTypeError: `dtype` is bool or no dtype.
        """

    def swapaxes(self, axis1: int, axis2: int, /) -> Array:
        """`x` with two axes exchanged."""

    def take(
        self,
        indices: Operand,
        /,
        *,
        axis: int | None = None,
        mode: Mode = 'raise',
        fill_value: Operand = 0,
    ) -> Array:
        """The slices of `x` at `indices` (integers of any shape, negative from the end) along `axis`.

        Without `axis`, `x` must be 1-D. The axis is replaced by those of `indices`. Modes are those of `gather`, but with
        "clip" no index counts from the end, as in NumPy.

        Raises:
            RangeError: an index is outside the axis, when the value is computed.
            DTypeError: `indices` are no integers.
            ShapeError: there is no such axis.
        """

    def take_along_axis(self, indices: Operand, /, *, axis: int = -1) -> Array:
        """For each place of `indices`, the element of `x` there, but at the index given along `axis`.

        Apart from `axis` the shapes broadcast together.

        Raises:
            RangeError: an index is outside the axis, when the value is computed.
            DTypeError: `indices` are no integers.
            ShapeError: ranks differ, shapes do not broadcast, or there is no such axis.
        """

    def tan(self, /) -> Array:
        """The tangent of `x` radians; NaN at infinity. Integers and bool count as float32."""

    def tanh(self, /) -> Array:
        """The hyperbolic tangent. Integers and bool count as float32."""

    def tensordot(
        self,
        x2: Operand,
        /,
        *,
        axes: int | tuple[int | Sequence[int], int | Sequence[int]] = 2,
    ) -> Array:
        """The sum of products over pairs of axes, one of each operand; the result has the others, of `x1` first.

        Args:
            x1, x2: arrays of any rank.
            axes: the axes of `x1` and those of `x2` that they are paired with; or how many last axes of `x1` are paired
                with as many first ones of `x2`.

        Raises:
            ShapeError: extents of paired axes differ, or there are no such axes.
        """

    def tile(self, repetitions: int | tuple[int, ...], /) -> Array:
        """`x` laid side by side as often as `repetitions` says per axis; missing leading axes count as 1 on both sides.

        Raises:
            ShapeError: a number is negative.
        """

    def top_k(self, k: int, /, *, axis: int = -1, largest: bool = True) -> TopK:
        """The `k` largest (or smallest) elements along `axis`, best first, and their indices as int64.

        Of equal elements the one with the lower index comes first; a NaN counts as greater than every number.

        Raises:
            ShapeError: there is no such axis, or it has fewer than `k` elements.
        """

    def transpose(self, /, axes: Sequence[int] | None = None) -> Array:
        """Axis i of the result is axis `axes[i]` of `x`; without `axes` their order is reversed.

        Raises:
            ShapeError: `axes` is not a permutation.
        """

    def trapezoid(self, /, x: Operand | None = None, *, dx: Operand = 1.0, axis: int = -1) -> Array:
        """The integral along `axis` by the trapezoidal rule: the sum of distances times the mean of neighbours.

        The samples lie at `x` (1-D along the axis, or of the shape of `y`), or `dx` apart. Integers and bool count
        as float32.

        Raises:
            ShapeError: `y` is 0-d, or `x` does not fit it.
        """

    def tril(self, /, *, k: int = 0) -> Array:
        """The matrices in the last two axes with zeros above diagonal `k`."""

    def triu(self, /, *, k: int = 0) -> Array:
        """The matrices in the last two axes with zeros below diagonal `k`."""

    def trunc(self, /) -> Array:
        """The integral value next to `x` towards zero, in the dtype of `x`."""

    def union1d(self, x2: Operand, /) -> Array:
        """The values that are in `x1` or in `x2`, in order; NaN once.

        Raises:
            TraceError: the values are not known while tracing.
        """

    def unique(
        self,
        /,
        *,
        return_index: bool = False,
        return_inverse: bool = False,
        return_counts: bool = False,
        equal_nan: bool = True,
        size: int | None = None,
        fill_value: Operand | None = None,
    ) -> Array | tuple[Array, ...]:
        """NumPy's form of `unique_all`: the distinct values, then what was asked for of the rest.

        With `equal_nan` all NaN are one value. `size`, `fill_value` and errors are those of `unique_all`.
        """

    def unique_all(self, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueAll:
        """The distinct values of `x` in order, and for each where it stands first and how often it occurs.

        Complex numbers are ordered by their real parts, then by their imaginary ones.

        Zeros are equal, and each NaN is distinct from all else. Indices and counts are int64 and count elements in
        row-major order.

        Args:
            x: values of any shape.
            size: the number of values to give; a traced function needs it. Those that are missing get `fill_value`, the
                index of the first value, and the count 0.
            fill_value: the first value when None.

        Raises:
            TraceError: `size` is missing while tracing.
            DomainError: there are more than `size` values.
        """

    def unique_counts(self, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueCounts:
        """The distinct values of `x` in order, and how often each occurs; the rest as for `unique_all`."""

    def unique_inverse(self, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueInverse:
        """The distinct values of `x` in order, and for each element of `x` the index of its value; see `unique_all`."""

    def unique_values(self, /, *, size: int | None = None, fill_value: Operand | None = None) -> Array:
        """The distinct values of `x` in order; the rest as for `unique_all`."""

    def unstack(self, /, *, axis: int = 0) -> tuple[Array, ...]:
        """The slices of `x` along `axis`, which they lack.

        Raises:
            ShapeError: there is no such axis, or its extent is symbolic.
        """

    def vander(self, /, n: int | None = None, *, increasing: bool = False) -> Array:
        """The powers of a 1-D `x` as columns, from the highest down to 0, or up from 0 when `increasing`.

        Each power is the one below times `x`. There are `n` columns, as many as elements when None.

        Raises:
            ShapeError: `x` has not one axis, or `n` is negative or above 65536.
        """

    def var(self, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The mean square distance from the mean over `axis`, in two passes; `correction` lessens the divisor.

        Integers and bool count as float32. It is NaN where the number of elements is not above `correction`: with
        `correction=1`, of a single element.

        Raises:
            ArgumentError: `correction` is no finite number.
        """

    def vecdot(self, x2: Operand, /, *, axis: int = -1) -> Array:
        """The sum of products along `axis` (negative: counted from the last), the other axes broadcast together.

        Of complex numbers, those of `x1` are conjugated.

        Raises:
            ShapeError: the extents of that axis differ, or the others do not broadcast.
        """

    def where(self, x1: Operand, x2: Operand, /) -> Array:
        """`x1` where `condition` (bool) holds, else `x2`; all three broadcast together.

        Raises:
            DTypeError: `condition` is not bool.
            ShapeError: the shapes do not broadcast.
        """

    def zeros_like(self, /, *, dtype: object = None, device: object = None) -> Array:
        """Zeros in the shape and (unless `dtype` is given) the dtype of `x`."""
