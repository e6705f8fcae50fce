"""What the machine can do: vector width and features, derived from CPU features alone; it knows nothing of programs."""

from __future__ import annotations

import functools
import os
import warnings
from typing import Final

import llvmlite.binding as llvm

from ..ir.config import config
from ..ir.errors import DomainError
from ..ir.records import dataclass

THREADS: Final = min(os.cpu_count() or 1, 64)
"""Into how many parts work is cut for sharing; it changes no bits."""


_X86 = (
    *("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "nehalem", "westmere", "sandybridge", "ivybridge", "haswell"),
    *("broadwell", "skylake", "skylake-avx512", "cascadelake", "cooperlake", "icelake-client", "icelake-server"),
    *("tigerlake", "rocketlake", "alderlake", "raptorlake", "sapphirerapids", "graniterapids"),
    *("znver1", "znver2", "znver3", "znver4", "znver5"),
)
_ARM = ("generic", "apple-m1", "apple-m2", "apple-m3", "apple-m4", "neoverse-n1", "neoverse-n2", "neoverse-v1")


@dataclass(frozen=True, slots=True)
class Target:
    """A code generation target.

    Attributes:
        triple: LLVM target triple.
        cpu: CPU name handed to LLVM; it selects scheduling models only.
        features: LLVM feature string; it alone decides which instructions are used.
        vector_bytes: width of one vector register in bytes (64 on AVX-512, 32 on AVX2, 16 otherwise).
        has_fma: whether a fused multiply-add instruction exists.
        has_f16: whether float16 is converted from and to float32 by instructions.
    """

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    has_fma: bool
    has_f16: bool

    def lanes(self, itemsize: int) -> int:
        """Number of elements of `itemsize` bytes in one vector register."""
        return max(1, self.vector_bytes // itemsize)

    @property
    def key(self) -> str:
        """Everything about the target that compiled objects depend on."""
        return f"{self.triple}|{self.cpu}|{self.features}|{self.vector_bytes}"


def _features(cpu_override: str | None) -> str:
    if cpu_override is not None:
        return ""
    return str(llvm.get_host_cpu_features().flatten())


@functools.cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()


@functools.cache
def host() -> Target:
    """The target of this process: the host CPU, or the CPU named by LITHOGRAPH_TARGET.

    Raises DomainError for a name that is not known.
    A CPU without fused multiply-add still runs (LLVM calls the C library's fma), slowly; one warning says so.
    """
    _initialize()
    override = config.target
    triple = str(llvm.get_process_triple())
    aarch64 = triple.startswith(("aarch64", "arm64"))
    cpu = str(llvm.get_host_cpu_name()) if override is None else _checked(override, aarch64)
    features = _features(override)
    if override is None:
        present = {f[1:] for f in features.split(",") if f.startswith("+")}
    else:
        present = _features_of_cpu(cpu)
    vector_bytes = 64 if {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= present else 32 if "avx2" in present else 16
    has_fma = aarch64 or "fma" in present
    if not has_fma:
        warnings.warn(
            f"lithograph: CPU {cpu!r} has no fused multiply-add instruction; results stay the same, "
            "but compiled code will be many times slower.",
            RuntimeWarning,
            stacklevel=2,
        )
    has_f16 = aarch64 or "f16c" in present
    return Target(triple, cpu, features, vector_bytes, has_fma, has_f16)


def _checked(cpu: str, aarch64: bool) -> str:
    known = _ARM if aarch64 else _X86
    if cpu not in known:
        # LLVM ends the process where a name means a CPU without 64-bit code.
        raise DomainError(f"LITHOGRAPH_TARGET must be the name of a CPU, one of {', '.join(known)}, not {cpu!r}")
    return cpu


def _features_of_cpu(cpu: str) -> set[str]:
    wide = ("skylake-avx512", "icelake", "cascadelake", "cooperlake", "sapphirerapids", "graniterapids", "rocketlake",
            "tigerlake", "znver4", "znver5", "x86-64-v4")
    if cpu.startswith(wide):
        return {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx2", "fma", "f16c"}
    if cpu.startswith(("haswell", "broadwell", "skylake", "znver", "alderlake", "raptorlake", "x86-64-v3")):
        return {"avx2", "fma", "f16c"}
    return set()


def machine(target: Target) -> llvm.TargetMachine:
    """A fresh LLVM target machine for `target` (code generation level 2, position independent)."""
    _initialize()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="default", jit=True
    )
