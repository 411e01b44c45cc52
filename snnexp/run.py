"""One run, from a configuration to a result in a folder."""

import logging
import os
import platform
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from snnexp import terminal
from snnexp.config import build, check, explain
from snnexp.errors import OptionError, UserError, require, shortage
from snnexp.identity import run_id
from snnexp.init import LayerReport, initialise
from snnexp.layers import Layer
from snnexp.network import Shown
from snnexp.procedures.checkpoint import initialised, newest
from snnexp.reports.page import PAGE, draw, pictures
from snnexp.results import RunFolder, RunningError, commit, summary
from snnexp.sweep import Outcome, State
from snnexp.task import Task

PACKAGES = ("torch", "lightning", "hydra-core", "omegaconf", "numpy", "adabelief-pytorch")

# Said by Lightning of things that this project does itself, or that are meant.
SILENCED = (
    ".*does not have many workers.*",
    ".*dataloader is not resumable.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
    ".*GPU available but not used.*",
    ".*`srun` command is available.*",
)


def run(config: DictConfig) -> Outcome | None:
    """Run one job of the command line; what a user can mend ends it with one line.

    (As SystemExit, above which Hydra prints nothing.) In a multirun nothing ends the sweep: the outcome is returned.
    """
    if HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN:
        return _job(config)
    try:
        execute(config)
    except Exception as error:
        line = _line(config, error)
        if line is None:
            raise
        raise SystemExit(line) from error
    return None


def _job(config: DictConfig) -> Outcome:
    """Run one job of a sweep, and show nothing of it: others may run beside it, and hundreds are a lot to read."""
    try:
        result = execute(config, Console(quiet=True))
    except RunningError as error:
        return Outcome(State.RUNNING, str(error))
    except Exception as error:  # its log is in failure.json
        return Outcome(State.FAILED, _line(config, error) or " ".join(repr(error).split()))
    return Outcome(State.DIVERGED if result["status"] == "diverged" else State.DONE)


def _line(config: DictConfig, error: BaseException) -> str | None:
    """The line for what a user can mend; None for any other error."""
    if isinstance(error, OptionError):
        return explain(config, error)
    return str(error) if isinstance(error, UserError) else shortage(error)


def execute(config: DictConfig, console: Console | None = None) -> dict[str, Any]:
    """Run a configuration, or give its stored result where it is over; returns the result."""
    console = console or Console()
    check(config)
    folder = RunFolder(Path(config.paths.outputs) / "runs", run_id(config))
    with folder.claim():
        try:
            stored = folder.result
            if stored is not None and not config.force:
                console.print(f"run {folder.id} is over already; force=true runs it again and keeps this one")
                if not (folder.path / PAGE).exists():  # the run was over, but not yet drawn, when it was stopped
                    draw(folder.path)
                terminal.show_result(console, stored, folder.path)
                return stored
            if stored is not None:
                console.print(f"the old run is kept in {folder.move_aside()}")
            return _execute(config, folder, console)
        except (SystemExit, KeyboardInterrupt):  # no failure: the run was stopped by a signal, and goes on later
            raise
        except BaseException as error:
            text = _line(config, error) or repr(error)
            try:
                folder.write_json("failure.json", {"error": text, "log": traceback.format_exc()})
            except OSError as unwritten:
                error.add_note(f"(failure.json could not be written: {unwritten})")
            raise


def _execute(config: DictConfig, folder: RunFolder, console: Console) -> dict[str, Any]:
    started = time.monotonic()
    torch.set_num_threads(config.threads or threads())
    parts = Parts(config, folder, console, newest(folder.path))
    with quiet():
        procedure = build(config.procedure)
        environment = parts.environment()
        folder.write_json("env.json", environment)
        OmegaConf.save(config, folder.path / "config.yaml", resolve=True)
        with ExitStack() as stack:
            for logger in parts.loggers:
                stack.enter_context(logger)
            outcome = procedure(parts, folder.path, folder)
            seconds = round(time.monotonic() - started, 1)
            folder.write_json("env.json", {**environment, "backends": parts.backends, "seconds": seconds})
            metrics = summary(folder.metrics, outcome.get("selected_epoch", 0)) | outcome.pop("metrics", {})
            init = [layer._asdict() for layer in parts.report]
            code = {name: environment[name] for name in ("commit", "dirty")}
            result = {"id": folder.id, **outcome, "metrics": metrics, "init": init, "seed": config.seed, **code}
            folder.finish(result)
            drawn = draw(folder.path)
            for logger in parts.loggers:
                logger.conclude(result, folder.path / PAGE, pictures(drawn))
    terminal.show_result(console, result, folder.path)
    return result


def threads() -> int:
    """How many threads a run takes that is not told: all cores of this process, or its share of them.

    The share is OMP_NUM_THREADS, which joblib sets for runs side by side and a user may set. (Two threads of torch
    beside another process on two cores were measured to be a hundred times slower than one.) In a SLURM job it is what
    the job has asked for, to which not every cluster binds it.
    """
    told = os.environ.get("OMP_NUM_THREADS") or os.environ.get("SLURM_CPUS_PER_TASK")
    return int(told or len(os.sched_getaffinity(0)))


@contextmanager
def quiet() -> Iterator[None]:
    """Within, Lightning does not say what this project says itself, or means."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in SILENCED:
            warnings.filterwarnings("ignore", message)
        yield


def options() -> dict[str, str]:
    """The option chosen in every group, where Hydra runs; nothing where a configuration is run without it."""
    chosen = HydraConfig.get().runtime.choices if HydraConfig.initialized() else {}
    return {str(group): option for group, option in chosen.items() if option is not None and "hydra/" not in group}


class Parts:
    """The objects that a configuration describes, each built when it is first asked for: a procedure decides what.

    report: what the initialisation did to every layer; empty without network.
    device: where the network runs: on the CPU, unless a trainer takes it elsewhere.
    resumed: the checkpoint to go on from; None: there is none. An initialisation, which may train for long, is not
    done again for weights that will be loaded.
    """

    def __init__(
        self,
        config: DictConfig,
        folder: RunFolder,
        console: Console,
        resumed: Path | None = None,
    ) -> None:
        self.config, self.folder, self.console, self.resumed = config, folder, console, resumed
        self.report: list[LayerReport] = []
        self.layers: list[Layer] = []
        self.device = torch.device("cpu")
        self.progress: bool = config.progress and not console.quiet

    @cached_property
    def data(self) -> Any:
        return build(self.config.dataset)

    @cached_property
    def network(self) -> Any:
        """The network; initialised, but where its weights will be loaded."""
        torch.manual_seed(self.config.seed)
        network = build(self.config.network)(
            inputs=self.data.inputs,
            classes=self.data.classes,
            neuron=build(self.config.neuron),
            surrogate=build(self.config.sg),
            escape=build(self.config.escape),
            backend=self.config.backend,
        )
        self.report = initialised(self.resumed) or initialise(
            network,
            Shown(network, self.data),
            build(self.config.init),
            build(self.config.dampening),
            build(self.config.sharpness),
        )
        self.layers = list(network.hidden)
        terminal.show_start(self.console, self.config, self.folder)
        terminal.show_initialisation(self.console, self.report)
        if self.data.words and not network.reads_words:
            terminal.show_words(self.console, self.data.inputs)
        return network

    @property
    def backends(self) -> list[str]:
        """Who walks the time axis of every hidden layer."""
        return [layer.backend_taken(self.device) for layer in self.layers]

    @cached_property
    def task(self) -> Task:
        readout = build(self.config.readout)
        spiking = getattr(self.network.output, "spiking", False)
        require(
            spiking or not readout.spiking_output,
            "readout.spiking_output",
            readout.spiking_output,
            "counts spikes, which the output layer does not have; add network/output=spiking",
        )
        optimizer = build(self.config.optimizer)
        try:
            optimizer([torch.zeros(1, requires_grad=True)])
        except (TypeError, ValueError) as error:
            raise UserError(f"optimizer: {error}") from None
        return Task(
            self.network,
            readout,
            build(self.config.loss),
            build(self.config.selt),
            optimizer,
            build(self.config.scheduler),
            self.data.classes,
            self.config.seed,
            build(self.config.augment),
            self.data.stateful,
            build(self.config.learning),
        )

    @cached_property
    def trainer(self) -> Any:
        made = partial(
            build(self.config.trainer),
            devices=1,
            plugins=[LightningEnvironment()],  # one device: in a SLURM job as well, of which Lightning asks more
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            default_root_dir=self.folder.path,
        )
        try:
            self.device = made(logger=False).strategy.root_device
        except MisconfigurationException as error:
            given = f"trainer.accelerator={self.config.trainer.accelerator}"
            raise UserError(f"trainer: {' '.join(str(error).split())} ({given}; auto takes what there is)") from None
        return made

    @cached_property
    def loggers(self) -> list[Any]:
        logger = build(self.config.logger)
        plain = OmegaConf.to_container(self.config, resolve=True)
        if logger is None:
            return []
        return [logger(run=self.folder.id, folder=self.folder.path, config=plain, choices=options())]

    def environment(self) -> dict[str, Any]:
        """Where and with what the run runs."""
        cuda = torch.cuda.is_available() and self.config.trainer.accelerator != "cpu"
        return {
            **commit(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "host": platform.node(),
            "device": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
        }
