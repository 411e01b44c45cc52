"""How a process is told to end."""

import signal

BEFORE_KILL = (signal.SIGUSR2, signal.SIGTERM)
"""What SLURM sends before it kills: SIGUSR2 where the job has asked for it (submitit does), SIGTERM always.

In the order in which they are obeyed where both have come.
"""
