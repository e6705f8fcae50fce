"""The exceptions that users see; it knows nothing of what raises them."""

from __future__ import annotations

import numpy as np


class LithographError(Exception):
    """Root of all errors that Lithograph raises on purpose.

    Attributes:
        located: whether the message ends with the user's line.
    """

    located = False


class ShapeError(LithographError, ValueError):
    """Shapes, ranks or axes that do not fit."""


class DTypeError(LithographError, TypeError):
    """Element types that an operation does not take."""


class ArgumentError(LithographError, TypeError):
    """An argument of a kind that an operation does not take."""


class RangeError(LithographError, IndexError):
    """An index outside the axis it selects from."""


class DomainError(LithographError, ValueError):
    """A value outside what an operation is defined on."""


class LinAlgError(DomainError, np.linalg.LinAlgError):
    """A matrix that an operation of linear algebra has no answer for: singular, not positive definite, not finite."""


class DivisionError(LithographError, ZeroDivisionError):
    """Integer division or remainder by zero."""


class IntegerOverflow(LithographError, OverflowError):
    """A Python integer that does not fit the dtype it is asked to have."""


class TraceError(LithographError, TypeError):
    """Something that plain Python could do and a traced function cannot."""


class StateError(LithographError, RuntimeError):
    """A misuse of variables, disposed tensors or tensors that left their trace."""


class SharingError(LithographError, BufferError):
    """Memory that cannot be shared with another library as it was asked for."""


class IRSyntaxError(LithographError, ValueError):
    """IR text that cannot be read; the message names line and column."""


class VerifyError(LithographError, ValueError):
    """A graph that breaks a rule of the IR; the message prints the neighbourhood of the fault."""


class PassError(LithographError, RuntimeError):
    """A pass that changed the meaning of a graph, or failed; the message names the pass and the repro file."""


class VariableError(LithographError, ValueError):
    """A variable that is made, named or shared in a way its rules forbid."""


class GradientError(LithographError, AssertionError):
    """A gradient that differences of the function contradict."""


class MissingExtra(LithographError, ImportError):
    """A package that is needed only here, and is not installed; the message names the extra that installs it."""
