"""Kernels in Triton, for a GPU; not yet measured on one, so they run only where they are asked for by name."""
