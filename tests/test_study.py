"""Studies in a file: the space from words, and a journal that survives what can happen to it."""

from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from snnexp.errors import UserError
from snnexp.study import Space, following, opened, parse

METRIC = "val/loss"
SPACE: Space = {"a": FloatDistribution(0, 1), "b": IntDistribution(1, 9)}


def test_words_span_a_space() -> None:
    space, others = parse(
        [
            "seed=3",
            "a.b=loguniform(1e-4, 1e-1)",
            "c=uniform(-1,1)",
            "d=integer(1,4)",
            "e=choice([64],[64,64])",
            "sg=gaussian,triangular",
        ]
    )
    assert space == {
        "a.b": FloatDistribution(1e-4, 1e-1, log=True),
        "c": FloatDistribution(-1, 1),
        "d": IntDistribution(1, 4),
        "e": CategoricalDistribution(["[64]", "[64,64]"]),
        "sg": CategoricalDistribution(["gaussian", "triangular"]),
    }
    assert others == ["seed=3"]


def test_two_processes_never_search_one_study(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    second = opened(path, METRIC, "minimize")
    with opened(path, METRIC, "minimize"), pytest.raises(UserError, match="another process is searching it"), second:
        pass


def test_a_torn_last_line_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    with opened(path, METRIC, "minimize") as study:
        study.set_user_attr("a", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 2, "worker')
    with opened(path, METRIC, "minimize") as study:
        study.set_user_attr("b", 2)
    with opened(path, METRIC, "minimize") as study:
        assert study.user_attrs == {"a": 1, "b": 2}
    assert path.read_bytes().startswith(whole)


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine, without an end of line")
    with pytest.raises(UserError, match="no journal of a study"), opened(path, METRIC, "minimize"):
        pass
    assert path.read_text() == "mine, without an end of line"


def test_a_trial_that_was_left_comes_first_and_one_without_all_its_values_never_ran(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    with opened(path, METRIC, "minimize") as study:
        left = following(study, SPACE, 2)
        study.ask({"a": SPACE["a"]})  # killed before the second value was written
    with opened(path, METRIC, "minimize") as study:
        assert left is not None
        assert following(study, SPACE, 2) == left
        study.tell(left[0], 0.5)
        number, _ = following(study, SPACE, 2) or (None, None)
        assert number == 2
        assert study.trials[1].state is TrialState.FAIL
        study.tell(number, 0.1)
        assert following(study, SPACE, 2) is None


def test_a_place_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written there"), opened(tmp_path / "file" / "x", METRIC, "minimize"):
        pass
