"""What one job of a cluster does."""

import pickle
from pathlib import Path

import pytest

from snnexp.errors import UserError
from snnexp.pack import Pack
from tests.runs import SMALL


def test_a_run_that_fails_keeps_no_other_from_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = [*SMALL, f"paths.outputs={tmp_path}", "trainer.max_epochs=1"]
    wrong = ["dataset=sl_mnist", f"paths.data={tmp_path}"]  # which is not there
    pack = Pack([[*SMALL[:5], f"paths.outputs={tmp_path}", *wrong], [*small, "seed=1"]])
    with pytest.raises(UserError, match=r"^1 of the 2 runs of this job failed$"):
        pickle.loads(pickle.dumps(pack))()
    assert len(list(tmp_path.glob("runs/*/result.json"))) == 1
    assert "fetch_data.py" in capsys.readouterr().err


def test_it_comes_back_as_it_was() -> None:
    pack = Pack([["seed=1"]])
    assert pack.checkpoint().function is pack
