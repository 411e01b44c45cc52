"""Claims on tables made by hand: what they show, what they refuse, and how often noise convinces them."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from snnexp.errors import OptionError, UserError
from snnexp.reports import claims
from snnexp.reports.report import Claim, Report
from snnexp.reports.verdict import Finding, NoDataError, Verdict

YES, NO = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED
LR = (0.001, 0.01, 0.1)
Value = Callable[[str, float, int], float]


def table(value: Value, seeds: int = 3, shapes: str = "abc") -> pd.DataFrame:
    """Runs over sg x lr x seed, all done; a value that is not finite stands for a diverged run."""
    rows: list[dict[str, Any]] = []
    for sg in shapes:
        for lr in LR:
            for seed in range(seeds):
                loss = value(sg, lr, seed)
                done = math.isfinite(loss)
                row = {"sg": sg, "lr": lr, "seed": seed, "state": "done" if done else "diverged", "id": "x"}
                rows.append({**row, "commit": "c", "day": "d", "val/loss": loss, "val/accuracy": -loss})
    return pd.DataFrame(rows)


def at(lr: float) -> dict[str, Any]:
    return {"lr": lr}


def shifted(sg: str, lr: float, seed: int) -> float:
    """a < b < c at every lr, best in the middle."""
    return 10 * "abc".index(sg) + abs(math.log10(lr) + 2) + 0.1 * seed


best_is = partial(claims.best_is, metric="val/loss", best="lowest", by="sg", at=at(0.01))
ordered = partial(claims.ordered, metric="val/loss", best="lowest", by="sg", at=at(0.01))
grows = partial(claims.grows_with, metric="val/loss", x="lr", at={"sg": "a"})
flat = partial(claims.flat_over, metric="val/loss", over="lr", at={"sg": "a"})
agree = partial(claims.agree_on_best, metric="val/loss", best="lowest", of="lr", among="sg")
widest = partial(claims.widest_range, metric="val/loss", best="lowest", by="sg", over="lr", within=0.1)
matters = partial(claims.choice_matters, metric="val/loss", best="lowest", by="sg", over="lr")
correlates = partial(claims.correlates, x="val/loss", y="val/accuracy")


def test_best_is() -> None:
    runs = table(shifted)
    assert best_is(runs, winner="a") == Finding(
        YES, "a 0.1, b 10.1, p = 0.05", "rank permutation test, one-sided, of each rival"
    )
    assert best_is(runs, winner="b").verdict == NO
    assert best_is(runs, metric="val/accuracy", best="highest", winner="a").reason == "a -0.1, b -10.1, p = 0.05"
    assert best_is(runs, metric="val/accuracy", best="highest", winner="c").verdict == NO


def test_best_must_beat_every_rival_significantly() -> None:
    crossed = table(lambda sg, lr, seed: {"a": 1, "b": 1.15, "c": 9}[sg] + 0.1 * seed)
    assert best_is(crossed, winner="a").verdict == NO


def test_diverged_runs_are_the_worst() -> None:
    runs = table(lambda sg, lr, seed: math.inf if sg != "a" else 100.0 + seed)
    assert best_is(runs, winner="a").verdict == YES
    all_diverged = table(lambda sg, lr, seed: math.inf)
    assert best_is(all_diverged, winner="a").verdict == NO


def test_ordered() -> None:
    assert ordered(table(shifted), order=["a", "b", "c"]).verdict == YES
    assert ordered(table(shifted), order=["a", "c"]).verdict == YES
    assert ordered(table(shifted), order=["b", "a", "c"]).verdict == NO


def test_grows_with() -> None:
    assert grows(table(lambda sg, lr, seed: lr + 0.0001 * seed)).verdict == YES
    assert grows(table(lambda sg, lr, seed: -lr + 0.0001 * seed)).verdict == NO
    wild = table(lambda sg, lr, seed: math.inf if (lr, seed) == (0.1, 2) else lr + 0.0001 * seed)
    assert grows(wild) == Finding(NO, "diverged at lr=0.1", "Spearman, by permutation, one-sided")
    with pytest.raises(UserError, match="report: sg=a is no number"):
        grows(table(shifted), x="sg", at=at(0.01))


def test_flat_over() -> None:
    assert flat(table(lambda sg, lr, seed: 1 + lr + 0.01 * seed), within=0.2).verdict == YES
    assert flat(table(lambda sg, lr, seed: 1 + lr + 0.01 * seed), within=0.05).verdict == NO
    assert flat(table(lambda sg, lr, seed: 1 + 0.2 * seed), within=0.2).verdict == NO  # equal means, but too much noise
    wild = table(lambda sg, lr, seed: math.inf if (lr, seed) == (0.1, 1) else 1 + 0.01 * seed)
    assert flat(wild, within=0.2) == Finding(NO, "diverged at lr=0.1", "Welch, two one-sided tests of each pair")
    with pytest.raises(NoDataError, match="lr has one value only"):
        flat(table(shifted), within=0.2, at={"sg": "a", "lr": 0.1})


def test_agree_on_best() -> None:
    with pytest.raises(NoDataError, match=r"3 of sg over 3 of lr agree by chance with p = 0.11"):
        agree(table(shifted))
    four = table(lambda sg, lr, seed: abs(math.log10(lr) + 2), shapes="abcd")
    assert agree(four) == Finding(YES, "all at 0.01 (by chance p = 0.037)", "exact chance of agreement")
    with pytest.raises(NoDataError, match="by chance"):
        agree(four, apart=1)
    split = table(lambda sg, lr, seed: lr if sg == "d" else abs(math.log10(lr) + 2), shapes="abcd")
    assert agree(split).verdict == NO
    assert agree(split).reason.startswith("best lr 0.001: d; 0.01: a, b, c")
    lost = table(lambda sg, lr, seed: math.inf if sg == "d" else 1.0, shapes="abcd")
    assert agree(lost).reason == "d diverged at every lr"
    without = four[(four["sg"] != "d") | (four["lr"] != 0.001)]  # a cell that was never planned is not the best
    assert agree(without) == agree(four)
    with pytest.raises(UserError, match="report: sg=a is no number"):
        agree(four, of="sg", among="lr")


def test_widest_range() -> None:
    def value(sg: str, lr: float, seed: int) -> float:
        return 1.0 + 0.01 * seed if sg == "a" or lr == 0.01 else (math.inf if lr == 0.1 else 2.0)

    found = widest(table(value), winner="a")
    assert found.verdict == YES
    assert found.reason == "a 3, b 1, p = 0.05"
    assert widest(table(value), winner="b").verdict == NO
    assert widest(table(lambda sg, lr, seed: math.inf), winner="a").reason == "a 0, b 0, p = 1"


def test_choice_matters() -> None:
    assert matters(table(shifted)).verdict == YES
    assert matters(table(lambda sg, lr, seed: lr + seed)).verdict == NO
    assert matters(table(lambda sg, lr, seed: math.inf)).verdict == NO


def test_choice_matters_over_several_keys() -> None:
    runs = pd.concat([table(shifted).assign(init=init) for init in "xy"])[["init", *table(shifted).columns]]
    assert matters(runs, over=["lr", "init"]).reason == matters(table(shifted)).reason
    of_init = partial(matters, by="init", over=["sg", "lr"])
    assert of_init(runs).verdict == NO
    better = runs.assign(**{"val/loss": runs["val/loss"] + 20 * (runs["init"] == "y")})
    assert of_init(better).verdict == YES
    with pytest.raises(UserError, match="leaves init open"):
        matters(runs)


def test_correlates() -> None:
    assert correlates(table(shifted), sign=-1).reason == "r = -1.00, p = 0, 27 runs"
    assert correlates(table(shifted), sign=-1).verdict == YES
    assert correlates(table(shifted), sign=1).verdict == NO
    assert correlates(table(lambda sg, lr, seed: 1.0), sign=1).reason == "all 27 runs have the same val/loss"
    some = table(lambda sg, lr, seed: math.inf if sg == "a" else shifted(sg, lr, seed))
    assert correlates(some, sign=-1).reason == "r = -1.00, p = 0, 18 runs, 9 without"
    with pytest.raises(OptionError, match="sign=2: must be 1 or -1"):
        correlates(table(shifted), sign=2)


ALL: dict[str, Claim] = {
    "best_is": partial(best_is, winner="a"),
    "ordered": partial(ordered, order=["a", "b"]),
    "grows_with": grows,
    "flat_over": partial(flat, within=0.5),
    "agree_on_best": agree,
    "widest_range": partial(widest, winner="a"),
    "choice_matters": matters,
    "correlates": partial(correlates, sign=-1),
}


def verdict(claim: Claim, runs: pd.DataFrame) -> Finding:
    """As a report gives it."""
    report = Report("", "", "reduced", [], None, {"claim": claim})  # type: ignore[arg-type]
    (judgement,) = report.judge(runs)
    return judgement.finding


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("state", ["missing", "failed", "running"])
def test_no_verdict_while_a_run_is_not_over(name: str, state: str) -> None:
    runs = table(shifted)
    runs.loc[(runs["sg"] == "a") & (runs["lr"] == 0.01) & (runs["seed"] == 2), "state"] = state
    finding = verdict(ALL[name], runs)
    assert finding.verdict == Verdict.NO_DATA
    assert finding.reason.startswith(f"1 {state} of ")


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"correlates"}))
def test_no_verdict_of_two_seeds(name: str) -> None:
    assert verdict(ALL[name], table(shifted, seeds=2)) == Finding(Verdict.NO_DATA, "2 seeds, at least 3 are needed", "")


def test_no_verdict_before_any_run() -> None:
    runs = table(shifted).assign(state="missing").drop(columns=["val/loss", "val/accuracy"])
    assert {verdict(claim, runs).verdict for claim in ALL.values()} == {Verdict.NO_DATA}


def test_no_verdict_without_a_rival() -> None:
    with pytest.raises(NoDataError, match="a has no rival"):
        best_is(table(shifted, shapes="a"), winner="a")


def test_mistakes_of_an_experiment_file_are_one_line() -> None:
    runs = table(shifted)
    with pytest.raises(UserError, match=r"^report: a claim over sg leaves lr open; `at` fixes it to one value$"):
        best_is(runs, winner="a", at=None)
    with pytest.raises(UserError, match="a claim names z, the sweep has a, b, c"):
        best_is(runs, winner="z")
    with pytest.raises(UserError, match=r"no run has lr=5; there are 0.001, 0.01, 0.1"):
        best_is(runs, winner="a", at=at(5))
    with pytest.raises(UserError, match="no run has val/los; there are sg, lr"):
        best_is(runs, metric="val/los", winner="a")
    with pytest.raises(OptionError, match="best=low: must be one of lowest, highest"):
        best_is(runs, best="low", winner="a")


# The hardest case that is still false: the winner's strongest rival is as good as it is.
FALSE: dict[str, tuple[Claim, Value]] = {
    "best_is": (partial(best_is, winner="a"), lambda sg, lr, seed: 9.0 * (sg == "c")),
    "ordered": (partial(ordered, order=["a", "b", "c"]), lambda sg, lr, seed: 9.0 * (sg == "c")),
    "grows_with": (grows, lambda sg, lr, seed: 0.0),
    "flat_over": (partial(flat, within=3.0), lambda sg, lr, seed: 3.0 * (lr == 0.1)),
    "agree_on_best": (agree, lambda sg, lr, seed: 0.0),
    "widest_range": (partial(widest, winner="a", within=0.5), lambda sg, lr, seed: 5.0),
    "choice_matters": (matters, lambda sg, lr, seed: 9.0 * lr),
}


@pytest.mark.parametrize("name", FALSE)
def test_noise_seldom_convinces(name: str) -> None:
    """With a level of .05, 100 tables give more than 13 false verdicts with a probability of less than .001."""
    claim, mean = FALSE[name]
    rng = np.random.default_rng(1)
    noise = (table(lambda sg, lr, seed: mean(sg, lr, seed) + rng.normal(), shapes="abcd") for _ in range(100))
    assert sum(claim(runs).verdict == YES for runs in noise) <= 13


def test_correlation_of_noise_is_seldom_found() -> None:
    rng = np.random.default_rng(0)
    tables = (table(shifted).assign(**{"val/accuracy": rng.normal(size=27)}) for _ in range(100))
    assert sum(correlates(runs, sign=-1).verdict == YES for runs in tables) <= 13
