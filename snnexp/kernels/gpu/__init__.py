"""Kernels in Triton for GPUs. No GPU has run them yet, so they are taken only where they are asked for by name.

Their mathematics is tested through Triton's interpreter, and that they compile for GPUs.
"""
