"""isogloss: what fine-tuning did to a language model, layer by layer.

    import isogloss as ig

    corpus = ig.Corpus.read("reviews.csv", text="text", label="label")
    study = ig.compare("base-model", "tuned-model", corpus, out="runs/reviews")
    for finding in study.findings:
        print(finding)
    study.report("report.html")

Everything else is one room away: `isogloss.similarity`, `isogloss.corpus`, `isogloss.models`, `isogloss.activations`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.activations import ActivationStore, extract
    from isogloss.api import Study, compare, load, plan
    from isogloss.corpus import Corpus
    from isogloss.errors import IsoglossError
    from isogloss.models.finetune import finetune
    from isogloss.study.costs import Machine, Plan

__version__ = "0.1.0"

# Importing torch and transformers takes seconds: `isogloss --help` and `import isogloss` do not.
_HOMES = {
    "ActivationStore": "isogloss.activations",
    "Corpus": "isogloss.corpus",
    "IsoglossError": "isogloss.errors",
    "Machine": "isogloss.study.costs",
    "Plan": "isogloss.study.costs",
    "Study": "isogloss.api",
    "compare": "isogloss.api",
    "extract": "isogloss.activations",
    "finetune": "isogloss.models.finetune",
    "load": "isogloss.api",
    "plan": "isogloss.api",
}

__all__ = [
    "ActivationStore",
    "Corpus",
    "IsoglossError",
    "Machine",
    "Plan",
    "Study",
    "__version__",
    "compare",
    "extract",
    "finetune",
    "load",
    "plan",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'isogloss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
