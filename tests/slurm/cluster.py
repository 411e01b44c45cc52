"""A SLURM of one node, with a munge of its own, in a folder of its own; nothing of the machine's is touched."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CONF = Path(__file__).with_name("slurm.conf")


def missing() -> str:
    """Why no SLURM can be started here; empty where it can."""
    absent = [name for name in DAEMONS if _program(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "slurmd starts jobs as root only"


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Look again and again until it holds; raises `TimeoutError` when it does not come to that."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.1)


class Cluster:
    """The daemons; `environment` is what SLURM's commands need to find them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        for name in ("state", "spool"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        ports = {"controller_port": free_port(), "node_port": free_port()}
        host = socket.gethostname().partition(".")[0]
        (folder / "slurm.conf").write_text(CONF.read_text().format(host=host, folder=folder, **ports))
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        places = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munged.pid"}
        places |= {"log-file": folder / "munged.log", "seed-file": folder / "munged.seed"}
        self._start("munged", *(f"--{option}={place}" for option, place in places.items()))
        self._start("slurmctld")
        self._start("slurmd", "-N", host)
        wait_until(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), f"the node; see {folder}/*.log", 30)

    def _start(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        subprocess.run([program, *arguments], env=self.environment, check=True, capture_output=True)

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def states(self) -> dict[str, str]:
        """Jobs that are not over, each with its state."""
        lines = self.ask("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def wait_until_empty(self) -> None:
        wait_until(lambda: not self.states(), "the queue to run empty")

    def stop(self) -> None:
        """End all jobs and then the daemons, by the numbers in their files."""
        self.ask("scancel", "--me")
        self.wait_until_empty()
        for name in reversed(DAEMONS):
            file = self.folder / f"{name}.pid"
            process = int(file.read_text())
            os.kill(process, signal.SIGTERM)
            wait_until(lambda process=process: not Path(f"/proc/{process}").exists(), f"{name} to end")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str | None:
    """Debian keeps the daemons where a user's PATH does not lead."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
