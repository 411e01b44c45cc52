"""Measurements of the project itself; ratios and growth within one process, never a test."""
