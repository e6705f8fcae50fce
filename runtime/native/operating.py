"""Emits the C slots of Tensor's operators and of Cell; an operator calls the Dispatcher bound to it, in C."""

from __future__ import annotations

from ..surface import BINARY, COMPARISON, OPERATORS, UNARY
from .arrays import builtin, need_tensor
from .assembler import NULL, Function, Module, Operand, Value
from .layout import C_BUSY, C_TENSOR, C_WEAKREFS, TYPE
from .memory import decref, fail, incref

NUMBER = {name: i for i, name in enumerate(OPERATORS)}
_OFFSET_FLAG = -(1 << 63)  # PY_VECTORCALL_ARGUMENTS_OFFSET: the word before the arguments is free to use


def emit(m: Module) -> None:
    """Add the slots to a module."""
    m.data("bound", len(OPERATORS))
    _bind(m)
    _operators(m)
    _tensor(m)
    _cell(m)


def _return_new(f: Function, symbol: str) -> None:
    o = f.address(symbol)
    incref(f, o)
    f.ret(o)


def _bind(m: Module) -> None:
    f, (number, dispatcher) = builtin(m, "bind", 2)
    place = f.index(f.address("bound"), f.call("PyLong_AsSsize_t", number))
    old = f.load("ptr", place)
    with f.if_(dispatcher.eq(f.address("_Py_NoneStruct"))):
        f.store(NULL, place, 0, "ptr")
    with f.else_():
        incref(f, dispatcher)
        f.store(dispatcher, place)
    with f.if_(old.eq(NULL)):
        _return_new(f, "_Py_NoneStruct")
    f.ret(old)


def _dispatch(f: Function, number: Operand, *operands: Value) -> None:
    """Return what the bound Dispatcher gives, or NotImplemented."""
    dispatcher = f.load("ptr", f.index(f.address("bound"), number))
    with f.if_(dispatcher.eq(NULL), unlikely=True):
        _return_new(f, "_Py_NotImplementedStruct")
    array = f.variable("ptr", count=3).slot
    for i, o in enumerate(operands, 1):
        f.store(o, array, 8 * i)
    incref(f, dispatcher)
    result = f.call("entry", dispatcher, f.at(array, 8), _OFFSET_FLAG | len(operands), NULL)
    decref(f, dispatcher)
    f.ret(result)


def _operators(m: Module) -> None:
    for name in BINARY:
        f = m.function(f"op_{name}", "ptr", "ptr", "ptr", export=True)
        _dispatch(f, NUMBER[name], *f.parameters)

    f = m.function("op_power", "ptr", "ptr", "ptr", "ptr", export=True)
    a, b, modulo = f.parameters
    with f.if_(modulo.ne(f.address("_Py_NoneStruct")), unlikely=True):
        _return_new(f, "_Py_NotImplementedStruct")
    _dispatch(f, NUMBER["power"], a, b)

    for name in UNARY:
        f = m.function(f"op_{name}", "ptr", "ptr", export=True)
        with f.if_(f.load("ptr", f.index(f.address("bound"), NUMBER[name])).eq(NULL), unlikely=True):
            fail(f, "TypeError", f"bad operand type for {name}: 'lithograph.Tensor'")
        _dispatch(f, NUMBER[name], *f.parameters)

    # CPython numbers the comparisons: < <= == != > >=
    f = m.function("op_compare", "ptr", "ptr", "ptr", "i32", export=True)
    a, b, which = f.parameters
    ordered = ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal")
    assert set(ordered) == set(COMPARISON)
    number = f.variable("i64", 0)
    for i, name in enumerate(ordered):
        with f.if_(which.eq(i)):
            number.set(NUMBER[name])
    _dispatch(f, number.value, a, b)


def _tensor(m: Module) -> None:
    f = m.function("tensor_hash", "i64", "ptr", export=True)
    f.ret(f.parameters[0].cast("ptrtoint", "i64") >> 4)

    f = m.function("tensor_refuse", "ptr", "ptr", "ptr", "ptr", export=True)
    fail(f, "TypeError", "Tensor cannot be called; make tensors with lithograph.tensor")


def _cell(m: Module) -> None:
    f = m.function("cell_new", "ptr", "ptr", "ptr", "ptr", export=True)
    kind, args, kwargs = f.parameters
    given = f.variable("ptr", NULL)
    names = f.address("cell_names")
    parsed = f.call("PyArg_ParseTupleAndKeywords", args, kwargs, m.string("O:Cell"), names, given.slot)
    with f.if_(parsed.eq(0)):
        f.ret(NULL)
    need_tensor(f, given.value)
    self = f.call("PyType_GenericAlloc", kind, 0)
    with f.if_(self.eq(NULL)):
        f.ret(NULL)
    incref(f, given.value)
    f.store(given.value, self, C_TENSOR)
    f.ret(self)

    f = m.function("cell_dealloc", "void", "ptr", export=True)
    (self,) = f.parameters
    with f.if_(f.load("ptr", self, C_WEAKREFS).ne(NULL)):
        f.call("PyObject_ClearWeakRefs", self)
    held, kind = f.load("ptr", self, C_TENSOR), f.load("ptr", self, TYPE)
    f.call("PyObject_Free", self)
    with f.if_(held.ne(NULL)):
        decref(f, held)
    decref(f, kind)
    f.ret()

    f = m.function("cell_get", "ptr", "ptr", "ptr", export=True)
    self, _ = f.parameters
    held = f.load("ptr", self, C_TENSOR)
    with f.if_(held.eq(NULL), unlikely=True):
        fail(f, "RuntimeError", "the variable is being updated by a running call")
    incref(f, held)
    f.ret(held)

    f = m.function("cell_set", "i32", "ptr", "ptr", "ptr", export=True)
    self, tensor, _ = f.parameters
    with f.if_(tensor.eq(NULL)):
        fail(f, "TypeError", "a cell's tensor cannot be deleted", -1)
    need_tensor(f, tensor, result=-1)
    with f.if_(f.load("i64", self, C_BUSY).ne(0)):
        fail(f, "RuntimeError", "the variable is being updated by a running call", -1)
    held = f.load("ptr", self, C_TENSOR)
    incref(f, tensor)
    f.store(tensor, self, C_TENSOR)
    with f.if_(held.ne(NULL)):
        decref(f, held)
    f.ret(0)

    # In one go, so that nobody has put another tensor there in between.
    f, (cell, old, new) = builtin(m, "replace", 3)
    with f.if_(f.load("ptr", cell, TYPE).ne(f.load("ptr", f.address("types"), 8)), unlikely=True):
        fail(f, "TypeError", "expected a Cell")
    need_tensor(f, new)
    with f.if_(f.load("i64", cell, C_BUSY).eq(0) & f.load("ptr", cell, C_TENSOR).eq(old)):
        incref(f, new)
        f.store(new, cell, C_TENSOR)
        decref(f, old)
        _return_new(f, "_Py_TrueStruct")
    _return_new(f, "_Py_FalseStruct")
