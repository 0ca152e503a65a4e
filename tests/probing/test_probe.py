import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import OptionError
from isogloss.probing import LinearProbe, RegressionProbe, fit_probes

EXACT = {"tol": 1e-14, "max_iter": 500}


@parametrize_with_checks(
    [LinearProbe(1e-3, 0.1, **EXACT), RegressionProbe(1e-3, 0.1, **EXACT), LinearProbe(solver="adam", lr=0.1, epochs=50, random_state=0)]
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
