"""The experiments of *theory* that train: their claims, before anybody has waited for their runs."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from snnexp.config import build
from snnexp.reports import table
from snnexp.reports.verdict import Verdict
from tests.runs import composed
from tests.sweeps import planned, write_plainly

NAMES_A_METRIC = ("metric", "than", "prediction")


def asked_for(node: Any) -> set[str]:
    """All metrics that are named below a node of a configuration."""
    if isinstance(node, list):
        return set().union(*map(asked_for, node))
    if not isinstance(node, dict):
        return set()
    here = {node[key] for key in NAMES_A_METRIC if isinstance(node.get(key), str)}
    return here.union(*map(asked_for, node.values()))


@pytest.mark.parametrize("name", ["fig7", "fig7_reduced", "figS2", "figS2_reduced"])
def test_every_claim_is_judged_once_the_runs_are_there(name: str, tmp_path: Path) -> None:
    jobs = planned(f"theory/{name}")
    node = composed([f"experiment=theory/{name}"]).report
    names = asked_for(OmegaConf.to_container(node.claims))
    for job in jobs:
        write_plainly(tmp_path, job.id, {metric: 0.5 + 0.001 * int(job.swept["seed"]) for metric in names})
    runs = table.read(tmp_path, [table.Planned(job.id, "done", job.swept, int(job.swept["seed"])) for job in jobs])
    claims = [judgement for judgement in build(node).judge(runs) if not judgement.source]
    assert len(claims) == 3
    assert all(claim.finding.verdict is not Verdict.NO_DATA for claim in claims), claims
