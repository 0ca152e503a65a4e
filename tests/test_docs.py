import importlib.util
import re
from pathlib import Path

import pytest
from benchmarks import run as benchmark_run
from docs import generate

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_command_line_reference_is_what_the_code_says():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == generate.cli_reference()


def test_the_python_reference_is_what_the_code_says():
    written = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert written == generate.python_reference()
    assert "`linear_cka(X, Y" in written


def test_the_studies_page_is_what_the_studies_left():
    assert (ROOT / "docs" / "studies.md").read_text(encoding="utf-8") == generate.studies()


def test_the_page_on_scaling_is_what_the_plans_left():
    assert (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8") == generate.scaling(generate.RESULTS)


def test_the_readmes_measurements_are_those_of_the_benchmarks():
    assert generate.readme() == README
    assert "times as fast" in README


def test_the_readmes_example_runs_as_it_stands(models, tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len(code.strip().splitlines()) == 6
    monkeypatch.chdir(tmp_path)
    rows = [f'"A quiet film, take {i}; not {w} at all.",{i % 2}' for i, w in enumerate(["bad", "dull", "loud"] * 10)]
    (tmp_path / "reviews.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    code = code.replace("path/to/base", str(models["base"])).replace("path/to/tuned", str(models["tuned"]))
    exec(compile(code, "README.md", "exec"), {})
    assert "CKA" in capsys.readouterr().out
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "runs" / "reviews" / "tables" / "similarity.parquet").exists()


def _documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", _documents(), ids=lambda p: p.name)
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (document.parent / target).exists(), target


def test_commands_in_the_readme_exist():
    listed = set(re.findall(r"^## isogloss (\w+)", generate.cli_reference(), re.MULTILINE))
    for command in re.findall(r"isogloss (\w+) [A-Z-]", README):
        assert command in listed, command
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", README):
        assert f"\n{target}:" in makefile, target
    for module in re.findall(r"python -m ([a-z_.]+\.[a-z_]+)", makefile):
        assert importlib.util.find_spec(module) is not None, module
    for module in benchmark_run.SCRIPTS:
        assert importlib.util.find_spec(module) is not None, module
