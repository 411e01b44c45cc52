"""A sweep is expanded into the jobs, configurations and ids that Hydra makes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from snnexp.errors import UserError
from snnexp.identity import run_id
from snnexp.results import RunFolder
from snnexp.sweep import Job, State, expand, is_locked, state, unique
from tests.runs import CONF

GRID = "experiment=digits/lr_sg"


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def assert_as_hydra(words: list[str], params: dict[str, str] | None = None) -> list[Job]:
    """Fails unless Hydra's own sweeper makes the same jobs, and Hydra's own composition the same configurations."""
    configs: list[DictConfig] = []
    jobs = expand(words, lambda job, config: configs.append(config.copy()))
    own = [word for word in words if not word.startswith("hydra")]
    parsed = OverridesParser.create().parse_overrides([f"{k}={v}" for k, v in (params or {}).items()] + own)
    ((*theirs,),) = BasicSweeper.split_arguments(parsed, None)
    assert [list(job.overrides) for job in jobs] == theirs
    hydras = [word for word in words if word.startswith("hydra")]
    for job, config in zip(jobs, configs, strict=True):
        assert config == compose("train", [*hydras, *job.overrides]), job
        assert job.id == run_id(config)
    return jobs


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 1),
        (["seed=range(3)"], 3),
        (["sg=gaussian,triangular", "optimizer.lr=1e-3,3e-3", "seed=range(2)"], 8),
        (["init=glorot,stability", "dampening.value=0.5"], None),  # the second replaces the node
        (["conditions=none,I-II", "neuron=lif,alif", "trainer.max_epochs=2,3"], 8),
        (["network/output=linear,spiking", "network.widths=[3],[4,5]"], 4),
        (["+trainer.min_epochs=1,2", "seed=0,1"], 4),
        (["neuron.threshold.sd=0.1", "neuron.threshold={mean:2},{mean:3}"], 2),  # in this order
        (["neuron.threshold={mean:2,sd:0.1}", "neuron.threshold.sd=0.0,0.2"], 2),
        (["network.dropout=0.1,0.2", "++network.dropout=0.3"], 2),
        (["~optimizer.rectify", "seed=0,1"], 2),
        (["optimizer.lr=choice(1,2)", "seed=sort(3,1)"], 4),
        (["threads=null,1", "dataset=digits,randman"], 4),
        (["hydra.sweep.dir=x", "seed=1,2"], 2),
        (["hydra/launcher=parallel", "hydra.launcher.n_jobs=2", "seed=1,2"], 2),
        (["seed=0,1", "seed=2"], 1),  # the later word counts
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_jobs_are_those_of_hydra(words: list[str], count: int | None) -> None:
    if count is None:
        with pytest.raises(UserError, match=r"^job 1 \(init=stability\): dampening\.value: "):
            expand(words)
    else:
        assert len(assert_as_hydra(words)) == count


def test_an_experiments_own_sweep_and_narrowing_it() -> None:
    params = dict(compose("train", [GRID], return_hydra_config=True).hydra.sweeper.params)
    assert len(expand([GRID])) == 6 * 5 * 3
    narrowed = assert_as_hydra([GRID, "sg=gaussian,triangular", "seed=0"], params)
    assert len(narrowed) == 2 * 5
    assert list(narrowed[0].swept) == ["sg", "optimizer.lr"]
    widened = assert_as_hydra([GRID, "sg=gaussian", "optimizer.lr=0.01", "network.dropout=0.1,0.2"], params)
    assert len(widened) == 3 * 2
    assert widened[-1].swept == {"seed": "2", "network.dropout": "0.2"}


def test_five_hundred_jobs_compose_once_per_combination(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []

    def counted(name: str, overrides: list[str], **more: bool) -> DictConfig:
        made.append(tuple(overrides))
        return compose(name, overrides, **more)

    monkeypatch.setattr("snnexp.sweep.compose", counted)
    jobs = expand([GRID, "conditions=none,I", "seed=range(9)"])
    assert len({job.id for job in jobs}) == len(jobs) == 6 * 5 * 9 * 2
    assert len(made) == 6 * 2 + 1


def test_a_glob_takes_the_options_of_a_group() -> None:
    shapes = sorted(file.stem for file in (CONF / "sg").glob("s*.yaml"))
    assert [job.swept["sg"] for job in expand(["sg=glob(s*)"])] == shapes


def test_options_of_a_further_folder(tmp_path: Path) -> None:
    (tmp_path / "experiment" / "mine").mkdir(parents=True)
    text = "# @package _global_\nseed: 7\nhydra: {sweeper: {params: {network.dropout: '0.1,0.2'}}}\n"
    (tmp_path / "experiment" / "mine" / "fig1.yaml").write_text(text)
    words = [f"hydra.searchpath=[file://{tmp_path}]", "experiment=mine/fig1"]
    jobs = assert_as_hydra(words, {"network.dropout": "0.1,0.2"})
    assert [job.swept for job in jobs] == [{"network.dropout": "0.1"}, {"network.dropout": "0.2"}]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sg=gaussian,gausian"], "job 1 (sg=gausian): sg=gausian: sg has no such option, did you mean gaussian?"),
        (["seed=0,1.5"], "job 1 (seed=1.5): seed=1.5: must be an integer"),
        (
            ["seed=0", "neuron.treshold=1,2"],
            "job 0 (neuron.treshold=1): neuron.treshold: neuron (LIF) has no such",
        ),
        (["optimizer.lr=interval(0,1)"], "optimizer.lr=interval(0,1): a sweep lists its values, as 1,2 or range(3)"),
    ],
)
def test_mistakes_name_the_job_and_the_key(words: list[str], line: str) -> None:
    with pytest.raises(UserError) as raised:
        expand(words)
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


def test_equal_runs_are_one() -> None:
    jobs = expand(["optimizer.lr=1,1.0,2", "threads=1,2"])
    assert [job.number for job in jobs] == [0, 1, 2, 3, 4, 5]
    assert [job.number for job in unique(jobs)] == [0, 4]


Prepare = Callable[[RunFolder], None]


def write(name: str, text: str) -> Prepare:
    return lambda folder: (folder.path / name).write_text(text) and None


@pytest.mark.parametrize(
    ("prepare", "found"),
    [
        (lambda folder: None, State.MISSING),
        (write("last.ckpt", "killed"), State.MISSING),
        (write("failure.json", "{}"), State.FAILED),
        (write("result.json", '{"status": "finished"}'), State.DONE),
        (write("result.json", '{"status": "diverged"}'), State.DIVERGED),
        (write("result.json", '{"status": "fini'), State.FAILED),
        (write(".result.json.1.tmp", '{"status": "finished"}'), State.MISSING),
    ],
)
def test_state_is_what_the_files_say(tmp_path: Path, prepare: Prepare, found: State) -> None:
    folder = RunFolder(tmp_path, "abc")
    folder.path.mkdir()
    prepare(folder)
    assert state(tmp_path, "abc") is found
    assert not is_locked(tmp_path, "abc")


def test_a_claimed_run_is_running(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "abc")
    with folder.claim():
        assert state(tmp_path, "abc") is State.RUNNING
        folder.write_json("failure.json", {"error": "of an earlier attempt"})
        assert state(tmp_path, "abc") is State.RUNNING
    assert state(tmp_path, "abc") is State.FAILED
