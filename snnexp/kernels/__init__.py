"""Whole sequences at once: for a family of neurons, the forward and the reverse recursion as two plain functions."""
