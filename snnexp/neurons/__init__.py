"""Neuron models: each file holds the equations, the state and one step in time."""
