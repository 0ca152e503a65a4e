"""Where computations run."""

from __future__ import annotations

import torch

from isogloss.errors import OptionError


def choose_device(device: str | torch.device) -> torch.device:
    """Choose a device that is there.

    Raises
    ------
    OptionError : it is not.
    """
    if str(device) == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"no device called {device!r}; there are cpu, cuda, cuda:N, mps and auto") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise OptionError(f"device {device} is not there: this machine has {torch.cuda.device_count()} CUDA devices")
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise OptionError("device mps is not there")
    return chosen
