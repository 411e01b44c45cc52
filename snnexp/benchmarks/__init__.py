"""Measurements of the project itself; ratios and growth within one process, never a test."""

# Before snnexp.main, which makes OpenMP's waiting threads sleep. That suits runs that share a machine; but a step of a
# loop over small operations, which is what the other libraries are, was measured to take 1.1 to 1.7 times as long.
import torch  # noqa: F401
