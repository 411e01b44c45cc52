"""The peak of a process's resident memory over a piece of work, which Linux alone can say."""

import ctypes
from pathlib import Path
from types import TracebackType

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """Between entering and leaving, how far resident memory rises above where it was; None where that is not known."""

    megabytes: float | None = None

    def __enter__(self) -> "Peak":
        self.known = _RESET.exists()
        if self.known:
            ctypes.CDLL(None).malloc_trim(0)  # what earlier work has freed goes back first
            self.before = _read("VmRSS")
            _RESET.write_text("5")  # the peak is what there is now
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.known:
            self.megabytes = _read("VmHWM") - self.before


def _read(field: str) -> float:
    """A field of the process's status in MB."""
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024
