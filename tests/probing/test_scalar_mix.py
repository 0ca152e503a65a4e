import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from isogloss.errors import OptionError
from isogloss.probing import ScalarMix
from tests.probing.planted import readable


def planted(layer, n=600, n_layers=5, d=16, noise=0.5):
    """Random layers, one of which holds the class."""
    X, codes = readable(n, 3, d=d, noise=noise)
    layers = [np.random.default_rng(10 + i).standard_normal((n, d)) * X.std() for i in range(n_layers)]
    layers[layer] = X
    return layers, np.array(["a", "b", "c"])[codes]


@pytest.mark.parametrize("layer", [0, 3])
def test_the_weight_lies_where_the_label_is_readable(layer):
    layers, y = planted(layer, n=2000, noise=0.8)
    mix = ScalarMix().fit(layers, y)
    assert mix.converged_
    assert mix.layer_weights_.sum() == pytest.approx(1.0)
    assert mix.layer_weights_[layer] > 0.85
    assert abs(mix.expected_layer_ - layer) < 0.4
    assert mix.expected_layer_ == pytest.approx(np.arange(5) @ mix.layer_weights_)
    # As good as a probe of that layer alone.
    assert mix.score(layers, y) > LogisticRegression().fit(layers[layer], y).score(layers[layer], y) - 0.01


def test_layers_that_are_the_same_share_the_weight():
    X, codes = readable(300, 3)
    mix = ScalarMix().fit([X, X, X], codes)
    assert np.allclose(mix.layer_weights_, 1 / 3, atol=1e-6)
    assert mix.expected_layer_ == pytest.approx(1.0)
    alone = LogisticRegression(C=1e5).fit(X, codes)
    assert (mix.predict(np.stack([X, X, X], axis=1)) == alone.predict(X)).mean() > 0.99


def test_the_norm_of_a_layer_does_not_draw_weight_unless_asked_to():
    layers, y = planted(2, noise=0.9)
    larger = [layer * (1000 if i == 2 else 1) + i for i, layer in enumerate(layers)]
    by_size, by_rms = ScalarMix().fit(larger, y), ScalarMix().fit(layers, y)
    assert np.allclose(by_size.layer_weights_, by_rms.layer_weights_, atol=1e-3)
    raw = ScalarMix(scale="none").fit([layer * (0.01 if i == 2 else 1) for i, layer in enumerate(layers)], y)
    assert (raw.scale_ == 1).all()
    assert raw.layer_weights_[2] != pytest.approx(by_rms.layer_weights_[2], abs=1e-3)


def test_the_optimum_is_as_good_as_scipys():
    layers, y = planted(1, n=200, n_layers=3, d=6, noise=1.0)
    mix = ScalarMix(l2=1e-3, mix_l2=1e-2).fit(layers, y)
    H = np.stack([(h - m) / s for h, m, s in zip(layers, mix.mean_, mix.scale_, strict=True)])
    codes = np.searchsorted(mix.classes_, y)

    def objective(p):
        a, gamma, W, b = p[:3], p[3], p[4:22].reshape(3, 6), p[22:]
        s = np.exp(a - a.max())
        logits = gamma * np.einsum("l,lnd->nd", s / s.sum(), H) @ W.T + b
        losses = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
        fit = (losses - logits[np.arange(200), codes]).mean()
        return fit + 0.5e-3 * ((W**2).sum() + gamma**2) + 0.5e-2 * (a**2).sum()

    start = np.concatenate([np.zeros(3), [1.0], np.zeros(21)])
    best = minimize(objective, start, method="L-BFGS-B", options={"maxfun": 50_000})
    assert mix.objective_ == pytest.approx(best.fun, abs=1e-5)
    s = np.exp(best.x[:3] - best.x[:3].max())
    assert np.allclose(mix.layer_weights_, s / s.sum(), atol=5e-3)


@pytest.mark.parametrize("held", [0, 1 << 30])
def test_blocks_of_rows_and_memory_maps_change_nothing(tmp_path, monkeypatch, held):
    monkeypatch.setattr("isogloss.probing.scalar_mix._HELD", held)
    layers, y = planted(1, n=300)
    np.save(tmp_path / "layers.npy", np.stack(layers).astype(np.float32))
    mapped = np.load(tmp_path / "layers.npy", mmap_mode="r")
    whole, parts = ScalarMix().fit(layers, y), ScalarMix(block_rows=64).fit(list(mapped), y)
    assert np.allclose(whole.layer_weights_, parts.layer_weights_, atol=1e-3)
    again = clone(parts).fit(list(mapped), y)
    assert np.array_equal(again.layer_weights_, parts.layer_weights_)
    assert np.array_equal(again.coef_, parts.coef_)
    assert np.allclose(
        parts.decision_function(list(mapped)), parts.mix(list(mapped)) @ parts.coef_.T + parts.intercept_
    )


def test_rows_of_no_weight_are_as_if_absent_and_whole_weights_as_copies():
    layers, y = planted(2, n=200)
    times = np.random.default_rng(0).poisson(1.0, 200)
    weighted = ScalarMix().fit(layers, y, sample_weight=times)
    copied = ScalarMix().fit([np.repeat(h, times, axis=0) for h in layers], np.repeat(y, times))
    assert weighted.objective_ == pytest.approx(copied.objective_, abs=1e-5)
    assert np.allclose(weighted.layer_weights_, copied.layer_weights_, atol=1e-2)


def test_probabilities_sum_to_one_and_layers_may_have_other_numbers():
    layers, y = planted(0, n=200, n_layers=2)
    mix = ScalarMix(layers=[6, 12]).fit(layers, y)
    assert np.allclose(mix.predict_proba(layers).sum(axis=1), 1)
    assert mix.expected_layer_ == pytest.approx(6 + 6 * mix.layer_weights_[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda h, y: ScalarMix().fit([h[0], h[1][:, :2]], y), "one shape"),
        (lambda h, y: ScalarMix().fit(h, y[:5]), r"should be \(60,\)"),
        (lambda h, y: ScalarMix(scale="max").fit(h, y), "rms, none"),
        (lambda h, y: ScalarMix(l2=0.0).fit(h, y), "l2 and mix_l2"),
        (lambda h, y: ScalarMix(layers=[1]).fit(h, y), "5 layers. Got 1"),
        (lambda h, y: ScalarMix().fit(h, np.zeros(60)), "one class"),
        (lambda h, y: ScalarMix().fit([h[0] * np.nan, *h[1:]], y), "layer number 0"),
        (lambda h, y: ScalarMix().fit(h, y, sample_weight=-np.ones(60)), "sample_weight"),
        (lambda h, y: ScalarMix().fit(h, y).predict(h[:2]), "5 layers of 16. Got 2 of 16"),
    ],
)
def test_what_cannot_be_mixed_is_said(make, message):
    with pytest.raises(OptionError, match=message):
        make(*planted(0, n=60))
