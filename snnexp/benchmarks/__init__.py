"""Measurements of the project itself; ratios and growth within one process, never a test."""

import snnexp.main  # noqa: F401  (before torch, which reads once what is set there)
