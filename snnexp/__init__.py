"""Surrogate-gradient training of spiking neural networks."""
