"""The minimum cut against networkx: its weight, and that it is the one nearest to the sinks."""

from __future__ import annotations

import random
import time

import networkx as nx
import pytest

from lithograph.ir.min_cut import min_cut


def expected(
    weights: dict[int, int], edges: dict[int, list[int]], sources: list[int], sinks: list[int]
) -> tuple[int, set[int]]:
    graph = nx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for v, weight in weights.items():
        graph.add_edge((v, "in"), (v, "out"), capacity=weight)
        graph.add_edges_from([((v, "out"), (w, "in")) for w in edges[v]])
    graph.add_edges_from([("source", (v, "in")) for v in sources])
    graph.add_edges_from([((v, "out"), "sink") for v in sinks])
    weight, (before, _) = nx.minimum_cut(graph, "source", "sink")
    return weight, {v for v in weights if (v, "in") in before and (v, "out") not in before}


@pytest.mark.parametrize("block", range(4))
def test_random_graphs(block: int) -> None:
    met = 0
    for seed in range(150 * block, 150 * (block + 1)):
        rng = random.Random(seed)
        n = rng.randint(1, 16)
        weights = {v: rng.choice([0, 1, 1, 2, 5, 1000]) for v in range(n)}
        edges = {v: [w for w in range(v + 1, n) if rng.random() < 0.3] for v in range(n)}
        sources, sinks = ([v for v in range(n) if rng.random() < 0.3] for _ in range(2))
        found = min_cut(weights, edges, sources, sinks)
        weight, cut = expected(weights, edges, sources, sinks)
        assert found == cut and sum(weights[v] for v in found) == weight, seed
        met += bool(weight)
    assert met > 50


def test_nothing_to_part() -> None:
    assert min_cut({}, {}, [], []) == set()
    assert min_cut({1: 3, 2: 4}, {1: [2]}, [1], []) == set()
    assert min_cut({1: 3, 2: 4}, {}, [1], [2]) == set()
    assert min_cut({1: 3}, {}, [1], [1]) == {1}


def test_of_equal_cuts_the_last() -> None:
    assert min_cut({1: 3, 2: 3, 3: 3}, {1: [2], 2: [3]}, [1], [3]) == {3}


def test_long_chains_take_linear_time() -> None:
    def seconds(n: int) -> float:
        started = time.process_time()
        edges = {v: [w for w in (v + 1, v + 2, v + 5) if w < n] for v in range(n)}
        assert len(min_cut(dict.fromkeys(range(n), 4), edges, [0], [n - 1, n - 9])) == 1
        return time.process_time() - started

    assert min(seconds(20_000) for _ in range(2)) < 25 * min(seconds(2_000) for _ in range(3)) + 0.05
