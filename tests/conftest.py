import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from isogloss.corpus import Corpus
from tests.tiny import TEXTS, save_tiny

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A busy machine must not fail a test that is right.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """A real corpus beside the project, or a reason to skip."""
    path = SHARED.joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"the real corpus {'/'.join(parts)} is not beside the project")
    return path


@pytest.fixture
def corpus() -> Corpus:
    """Forty sentences with two classes; some with a character that BERT's normaliser drops."""
    texts = [f"{TEXTS[i % len(TEXTS)]} Take {i}." + (" \ufffd" if i % 8 == 6 else "") for i in range(40)]
    return Corpus.from_texts(texts, labels=["good" if i % 3 else "bad" for i in range(40)])


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, Path]:
    """A tiny base model and one with other weights, as directories."""
    home = tmp_path_factory.mktemp("models")
    return {
        "base": save_tiny(home / "base", "bert", seed=0),
        "tuned": save_tiny(home / "tuned", "bert", seed=1),
    }
