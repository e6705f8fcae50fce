"""Rewrite rules: each exact one keeps every bit on edge values, each other one is found out, each fires."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.builder import Builder
from lithograph.ir.passes.fast_math import fast_math
from lithograph.ir.passes.simplify import simplify
from lithograph.ir.registry import OPS
from lithograph.ir.rewrite import Rule, counterexample, trace_rule
from lithograph.ir.rules import EXACT, FAST_MATH
from lithograph.ir.stage import entered
from lithograph.ir.types import TensorType

RULES = EXACT + FAST_MATH


@pytest.mark.parametrize("rule", EXACT, ids=lambda r: r.name)
def test_exact_rules_keep_every_bit(rule: Rule) -> None:
    applies = [d for d in dtypes.ALL if rule.samples(d)]
    assert applies and rule.exact
    for dtype in applies:
        assert counterexample(rule, dtype) is None


@pytest.mark.parametrize("rule", FAST_MATH, ids=lambda r: r.name)
def test_rules_that_are_not_exact_have_a_counterexample(rule: Rule) -> None:
    assert not rule.exact
    assert any(counterexample(rule, d) for d in (dtypes.float32, dtypes.float64))


def test_a_wrong_rule_is_found_out() -> None:
    wrong = Rule("x * 0", lambda x: x * 0, lambda x: x - x, lambda d: [((np.array([1, np.inf, -1.0]),), ())])
    said = counterexample(wrong, dtypes.float64)
    assert said == "x * 0: np.float64(-1.0) gives np.float64(-0.0) and np.float64(0.0)"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_rule_fires(rule: Rule) -> None:
    dtype = next(d for d in (dtypes.float32, dtypes.int32, dtypes.bool_) if rule.samples(d))
    found = trace_rule(rule.find, rule.samples(dtype)[0])
    assert found is not None
    after = simplify(found) if rule.exact else fast_math(found)
    made = trace_rule(rule.make, rule.samples(dtype)[0])
    assert made is not None
    assert [n.op for n in after.nodes] == [n.op for n in simplify(made).nodes]
    assert [n.op for n in after.nodes] != [n.op for n in found.nodes] or found.nodes[-1].args != after.nodes[
        -1
    ].args


def test_slopes_of_constant_powers_take_no_power() -> None:
    for exponent, ops in ((2, ["multiply"]), (3, ["square", "multiply"])):
        slope = lg.function(lg.grad(lambda x, k=exponent: lg.sum(x**k)))
        text = slope.ir(np.ones(4, np.float32), stage="optimized")
        assert re.findall(r"= (multiply|where|power|square)\(", text) == ops
        assert slope(lg.tensor([3.0])).item() == exponent * 3 ** (exponent - 1)


def test_a_repeated_variable_is_one_value() -> None:
    builder = Builder("main")
    x, y = (builder.param(TensorType(dtypes.float32, (3,))) for _ in range(2))
    with entered(builder):
        results = [OPS["maximum"].call(x, y), OPS["maximum"].call(x, x)]
    graph = simplify(builder.finish(results))  # type: ignore[arg-type]
    assert [n.op.name for n in graph.nodes] == ["maximum"]
    assert graph.results[1] is graph.params[0]


def test_a_rule_that_would_change_the_type_does_not_fire() -> None:
    builder = Builder("main")
    x = builder.param(TensorType(dtypes.float32, (3,)))
    with entered(builder):
        result = x * builder.constant(np.ones((2, 3), np.float32))
    graph = builder.finish([result])  # type: ignore[list-item]
    assert simplify(graph) is graph
