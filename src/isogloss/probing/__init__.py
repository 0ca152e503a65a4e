"""Where, and in which neurons, can linguistic knowledge be read? Probes on vectors and labels.

Arrays and labels in; knows nothing of transformers or of HTML.
"""

from isogloss.probing.fitting import fit_probes
from isogloss.probing.probe import LinearProbe
from isogloss.probing.regression import RegressionProbe

__all__ = ["LinearProbe", "RegressionProbe", "fit_probes"]
