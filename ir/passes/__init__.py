"""The passes, one file each, named as the pass; a pass knows graphs and no machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..graph import Graph
from .canonical import canonical
from .cse import cse
from .dce import dce
from .fast_math import fast_math
from .fold import fold
from .fuse import fuse
from .hoist import hoist
from .inline import inline
from .pipeline import Outcome, Pass, Settings, Timing, run_passes
from .products import products
from .recompute import recompute
from .simplify import simplify
from .sparse import sparse
from .throughout import throughout
from .widen import widen

__all__ = ["PASSES", "PIPELINE", "Outcome", "Pass", "Settings", "Timing", "run_pipeline"]

PASSES: Final[dict[str, Pass]] = {
    name: throughout(run)
    for name, run in {
        "inline": inline,
        "canonical": canonical,
        "cse": cse,
        "fold": fold,
        "simplify": simplify,
        "fast_math": fast_math,
        "products": products,
        "hoist": hoist,
        "sparse": sparse,
        "dce": dce,
        "widen": widen,
        "recompute": recompute,
        "fuse": fuse,
    }.items()
}
"""All passes by name; what they do to a graph, they do to the regions of its loops and choices too."""

PIPELINE: Final = (
    *["inline", "canonical", "cse", "widen", "fold", "products", "simplify", "hoist"],
    *["sparse", "cse", "dce", "recompute", "fuse"],
)
"""The passes that run by default, in order."""

_QUIET: Final = Settings()


def run_pipeline(graph: Graph, names: Sequence[str] = PIPELINE, settings: Settings = _QUIET) -> Outcome:
    """Run passes by name, in order; the optimised graph and what each pass took.

    Raises:
        ArgumentError: a name is not that of a pass.
        VerifyError: the graph is not valid before the first pass (from check level 1).
        PassError: a pass failed or changed the meaning; the message names the pass and a file to repeat it
        with.
    """
    return run_passes(graph, names, PASSES, settings)
