"""How far a framework's answer is from the float64 one; what may be timed is decided by it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .training import STEPS, Parameters, Trainer


def error(results: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float:
    """Largest |result - reference| in units of the reference's root mean square; inf where shapes differ.

    A result is float32, or int32 where its reference is.
    """
    if len(results) != len(references):
        return float("inf")
    worst = 0.0
    for result, reference in zip(results, references, strict=True):
        if result.shape != reference.shape or result.dtype != (np.int32 if reference.dtype == np.int32 else np.float32):
            return float("inf")
        scale = float(np.sqrt(np.mean(np.square(reference, dtype=np.float64)))) or 1.0
        difference = float(np.max(np.abs(result.astype(np.float64) - reference))) / scale
        worst = max(worst, difference if difference == difference else float("inf"))
    return worst


def training_error(
    losses: Sequence[float],
    params: Mapping[str, np.ndarray],
    start: tuple[Parameters, np.ndarray, np.ndarray],
) -> float:
    """How far STEPS steps are from the float64 ones, 1 being the most that is taken.

    Losses may differ by 1e-3 of themselves and the parameters' movement by 2 % in norm: Adam divides by
    the root of the second moment, which turns the rounding of a gradient near 0 into a step of another sign.
    """
    reference = Trainer(*start, np.float64)
    wanted = [float(reference.step()) for _ in range(STEPS)]
    worst = max(abs(a - b) / abs(b) / 1e-3 for a, b in zip(losses, wanted, strict=True))
    for key, initial in start[0].items():
        moved = reference.params[key] - initial
        off = float(np.linalg.norm(params[key].astype(np.float64) - initial - moved))
        worst = max(worst, off / float(np.linalg.norm(moved)) / 0.02)
    return worst if worst == worst else float("inf")
