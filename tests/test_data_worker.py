"""Workers outlive signals to the job, and not their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnexp.signals import BEFORE_KILL

WORKER = """
import multiprocessing, time
from snnexp.data.worker import attend

def work(ready):
    attend(0)
    ready.set()
    time.sleep(60)

context = multiprocessing.get_context("fork")
ready = context.Event()
worker = context.Process(target=work, args=[ready])
worker.start()
ready.wait()
print(worker.pid, flush=True)
time.sleep(60)
"""


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # dead, and nobody has asked yet


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone lets a process die with its parent")
def test_a_worker_outlives_signals_and_not_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        for number in BEFORE_KILL:
            os.kill(worker, number)
        time.sleep(0.2)
        assert lives(worker)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 3  # torch's own watch looks every five seconds
    while lives(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(worker)
