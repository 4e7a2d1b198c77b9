"""The fit behind the small models: it finds what is there, and tells a plate's pictures apart from other plates'."""

from __future__ import annotations

import numpy as np
import pytest

from fitkit.logistic import auc, cross_validated, fit, log_loss


def drawn(samples: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two features, of which the first decides with weight 2 and the second not at all; every fourth bit is luck."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(samples, 2)) * [1.0, 50.0] + [3.0, -7.0]
    share = 1 / (1 + np.exp(-(2.0 * features[:, 0] - 6.0)))
    return features, (chance.random(samples) < share).astype(float)


def test_fit_finds_the_coefficients_that_made_the_samples() -> None:
    found = fit(*drawn(20_000))
    assert found.weights == pytest.approx([2.0, 0.0], abs=0.1)
    assert found.intercept == pytest.approx(-6.0, abs=0.3)


def test_feature_that_never_changes_gets_no_weight() -> None:
    features, right = drawn(500)
    features[:, 1] = 4.0
    found = fit(features, right)
    assert found.weights[1] == pytest.approx(0.0, abs=1e-9)
    assert np.isfinite(found.logits(features)).all()


def test_samples_that_a_feature_parts_completely_still_have_finite_weights() -> None:
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    found = fit(features, np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0 < found.weights[0] < 100


@pytest.mark.parametrize(
    "scores,right,expected",
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([1, 2, 2, 3], [0, 0, 1, 1], 0.875),
    ],
)
def test_auc_is_the_share_of_pairs_in_the_right_order(
    scores: list[float], right: list[float], expected: float
) -> None:
    assert auc(np.array(scores, float), np.array(right, float)) == pytest.approx(expected)


def test_auc_of_nothing_but_right_ones_is_no_number() -> None:
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([1.0, 1.0])))


def test_knowing_a_plate_by_heart_does_not_help_where_it_is_held_out() -> None:
    chance = np.random.default_rng(3)
    plates = np.repeat(np.arange(30), 40)
    features = np.eye(30)[plates]  # tells the plate and nothing else
    right = chance.integers(0, 2, 30)[plates].astype(float)
    by_heart = fit(features, right).logits(features)
    held_out = cross_validated(features, right, [f"P{plate}" for plate in plates], 5)
    assert auc(by_heart, right) == 1.0
    assert auc(held_out, right) < 0.7


def test_log_loss_of_even_odds_is_log_two_and_grows_with_wrong_certainty() -> None:
    right = np.array([1.0, 0.0])
    assert log_loss(np.zeros(2), right) == pytest.approx(np.log(2))
    assert log_loss(np.array([5.0, -5.0]), right) < np.log(2) < log_loss(np.array([-5.0, 5.0]), right)
