"""How large a network is."""

from snnexp.procedures.train import Parts


def parameters(parts: Parts) -> dict[str, float]:
    """parameters/all: how many numbers are trained, and parameters/neurons: those that are constants of hidden neurons.

    A diagonal of R that a mask holds at 0 counts.
    """
    network = parts.task.network
    return {
        "parameters/all": float(sum(weight.numel() for weight in network.parameters())),
        "parameters/neurons": float(
            sum(weight.numel() for layer in network.hidden for weight in layer.neuron.parameters())
        ),
    }
