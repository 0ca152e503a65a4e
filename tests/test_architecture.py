import ast
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1] / "src" / "isogloss"

# What each part may import besides itself: the parts to its left and those below all of them.
BELOW = {"errors", "sealed", "shapes", "locks", "progress", "split_names", "memory"}
ALLOWED = {
    "errors": set(),
    "sealed": {"errors"},
    "shapes": {"errors"},
    "progress": set(),
    "locks": {"errors"},
    "memory": {"errors"},
    "engines": set(),
    "split_names": set(),
    "bars": set(),
    "numerics": set(),
    "analysis": {"numerics"},
    "corpus": set(),
    "models": {"bars", "corpus", "numerics"},
    "activations": {"bars", "corpus", "engines", "models", "numerics"},
    "similarity": {"analysis", "numerics"},
    "concepts": {"analysis", "numerics", "corpus"},
    "probing": {"analysis", "numerics", "corpus"},
    "isotropy": {"analysis", "numerics", "corpus"},
    "separability": {"analysis", "numerics", "corpus"},
    "study": {"analysis", "corpus", "engines", "models", "activations", "numerics"},
    "report": {"analysis"},
    "api": {"analysis", "bars", "corpus", "engines", "models", "activations", "study", "report"},
    "__main__": {"cli"},
    "cli": {"analysis", "bars", "corpus", "models", "activations", "study", "report", "api"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names] if node.module == "isogloss" else [node.module]
        found |= {
            name.split(".")[1] for name in names if name.startswith("isogloss.") and name != "isogloss.__version__"
        }
    return found


@pytest.mark.parametrize("part", ALLOWED)
def test_data_flows_one_way(part):
    place = HOME / part
    files = place.rglob("*.py") if place.is_dir() else [HOME / f"{part}.py"]
    for path in files:
        beyond = imports(path) - {part} - ALLOWED[part] - BELOW
        assert not beyond, f"{path.relative_to(HOME)} imports {beyond}"


def test_every_part_is_held_to_it():
    parts = {p.name if p.is_dir() else p.stem for p in HOME.iterdir() if p.suffix in ("", ".py")}
    assert parts - {"__init__", "__pycache__"} == set(ALLOWED)


def test_files_stay_small_enough_to_read():
    long = {str(p.relative_to(HOME)): n for p in HOME.rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert not long
