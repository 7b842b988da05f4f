"""What of its results depends on the processor that the tests run on."""

from headrace.devices.inventory import cpu_features

_HAS = frozenset(cpu_features())

HAS_AVX512 = "avx512f" in _HAS
"""Products of codes have the same bits in steps of every size, and steps of 4-bit codes are quicker than of floats."""

HAS_BF16 = bool({"avx512_bf16", "amx_bf16"} & _HAS)
"""Graphs that ask for bfloat16 are computed in it."""

CODES_OVERFLOW = "avx2" in _HAS and not {"avx512_vnni", "avx_vnni"} & _HAS
"""Sums of two products of 8-bit codes are cut off at 16 bits (`vpmaddubsw`), which answers of 8-bit models show."""
