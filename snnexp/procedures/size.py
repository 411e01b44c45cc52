"""How large a network is."""

from torch.nn import Module

from snnexp.procedures.train import Parts


def parameters(parts: Parts) -> dict[str, float]:
    """parameters/all: how many numbers are trained, and parameters/neurons: those that are constants of hidden neurons.

    A diagonal of R that a mask holds at 0 counts.
    """
    network = parts.task.network
    constants = [layer.get_submodule("neuron") for layer in network.hidden]
    return {"parameters/all": _trained(network), "parameters/neurons": sum(map(_trained, constants))}


def _trained(module: Module) -> float:
    return float(sum(weight.numel() for weight in module.parameters()))
