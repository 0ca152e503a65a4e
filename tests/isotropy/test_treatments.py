import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import OptionError
from isogloss.isotropy.treatments import AllButTheTop, ClusterEnhancement, ClusterZeroMean, ZeroMean


@parametrize_with_checks([ZeroMean(), AllButTheTop(), ClusterZeroMean(2), ClusterEnhancement(2, 1)])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
