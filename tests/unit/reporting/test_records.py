"""Records have the names and the units of the data."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from spear_xp import Result, errors, invert
from spear_xp.reporting.records import in_units, names_of, records_of
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_samples_and_bars_go_back_through_a_scaler(result: Result, scaler: StandardScaler) -> None:
    data = 100 + 7 * np.random.default_rng(0).standard_normal((30, 40)) * np.arange(1, 41)
    scaler.fit(data)
    records = records_of(result, scaler=scaler)
    np.testing.assert_allclose(records.values, scaler.inverse_transform(result.inputs.astype(float)))
    steps = scaler.inverse_transform(np.ones((1, 40))) - scaler.inverse_transform(np.zeros((1, 40)))
    np.testing.assert_allclose(records.error_bars, result.error_bars[:, None] * steps, rtol=1e-3, atol=1e-12)
    assert records.names[3] == "feature 3"


def test_an_infinite_bar_stays_infinite(result: Result) -> None:
    tentative = replace(result, error_bars=np.full(len(result.inputs), np.inf))
    scaler = StandardScaler().fit(np.random.default_rng(0).standard_normal((30, 40)))
    assert np.isinf(records_of(tentative, scaler=scaler).error_bars).all()
    assert np.isinf(records_of(tentative).error_bars).all()


def test_names_come_from_a_list_a_frame_or_the_scaler() -> None:
    pd = need("pandas")
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((9, 2)), columns=["age", "pressure"])
    scaler = StandardScaler().fit(frame)
    assert names_of(None, scaler, 2) == names_of(frame, None, 2) == ("age", "pressure")
    assert names_of(["a", "b"], scaler, 2) == ("a", "b")
    assert names_of(None, None, 2) is None
    with pytest.raises(errors.ShapeError, match="feature_names has 1 entries: need 2"):
        names_of(["a"], None, 2)


def test_a_scaler_that_changes_the_shape_is_refused() -> None:
    class Wrong:
        def inverse_transform(self, values: np.ndarray) -> np.ndarray:
            return values[:, :1]

    with pytest.raises(errors.ShapeError, match="need"):
        in_units(np.ones((2, 3)), Wrong())


def test_a_result_is_a_frame(result: Result) -> None:
    need("pandas")
    frame = result.to_dataframe(feature_names=[f"x{j}" for j in range(40)])
    assert list(frame.columns[:2]) == ["certified", "x0"]
    np.testing.assert_array_equal(frame["x7"], result.inputs[:, 7].astype(float))
    assert np.shape(frame.attrs["error_bars"]) == result.inputs.shape
    doubtful = replace(result, certified=np.arange(len(result.inputs)) < 2)
    assert len(doubtful.to_dataframe(certified_only=True)) == 2
    kinds = doubtful.to_dataframe(feature_kinds=["integer"] * 40)
    assert len(kinds.attrs["chance"]) == len(result.inputs)
