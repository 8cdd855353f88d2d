import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters.places import (
    LAST,
    Place,
    is_numbered,
    layout_of,
    layouts_by_shape,
    places_of_names,
)


def arrays(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name.replace("__", "."): np.zeros(shape) for name, shape in shapes.items()}


def test_layers_of_a_state_dict() -> None:
    found, assumptions = places_of_names(
        arrays(
            conv__weight=(8, 1, 3, 3),
            conv__bias=(8,),
            norm__weight=(8,),
            norm__bias=(8,),
            norm__running_mean=(8,),
            norm__num_batches_tracked=(),
            fc1__weight=(30, 20),
            fc1__bias=(30,),
            fc2__weight=(30, 30),
            fc3__weight=(10, 30),
            fc3__bias=(10,),
        )
    )
    assert [place.name for place in found] == ["conv", "norm", "fc1", "fc2", "fc3"]
    reasons = {place.name: place.reason for place in found}
    assert reasons["fc1"] == ""
    assert reasons["fc2"] == ""
    assert [place.bias for place in found][-2:] == ["", "fc3.bias"]
    assert reasons["fc3"] == LAST
    assert "(8, 1, 3, 3)" in reasons["conv"]
    assert [place.features for place in found][:3] == ["", "behind 'conv'", "behind 'norm'"]
    assert "ReLU" in assumptions[0]


@pytest.mark.parametrize(
    ("weight", "bias", "layer"),
    [
        ("sequential/dense/kernel", "sequential/dense/bias", "sequential/dense"),
        ("params.Dense_0.kernel", "params.Dense_0.bias", "params.Dense_0"),
        ("linear.w", "linear.b", "linear"),
        ("weight", "bias", "weight"),
    ],
)
def test_names_of_other_libraries(weight: str, bias: str, layer: str) -> None:
    found, _ = places_of_names({bias: np.zeros(4), weight: np.zeros((3, 4))})
    assert found == (Place(layer, weight, bias, LAST),)


def test_arrays_of_a_list_go_by_their_order() -> None:
    values = {str(k): np.zeros(shape) for k, shape in enumerate([(30, 20), (30,), (30, 30), (10, 30), (10,)])}
    found, _ = places_of_names(values)
    assert [(place.weight, place.bias) for place in found] == [("0", "1"), ("2", ""), ("3", "4")]
    assert is_numbered(values)
    assert is_numbered({"arr_0": np.zeros(1)})
    assert not is_numbered({"0.weight": np.zeros(1)})


def test_the_shape_tells_which_side_is_that_of_the_neurons() -> None:
    place = Place("fc", "fc.x", "fc.y")
    for shape, layout in (((30, 20), "torch"), ((20, 30), "keras")):
        values = {"fc.x": np.zeros(shape), "fc.y": np.zeros(30)}
        assert layout_of(place, values, None, set()) == layout
        assert layouts_by_shape([place], values) == {layout}


def test_a_square_weight_needs_a_hint() -> None:
    place, values = Place("0", "0", "1"), {"0": np.zeros((30, 30)), "1": np.zeros(30)}
    assert layouts_by_shape([place], values) == set()
    with pytest.raises(UpdateError, match=r"0 has shape \(30, 30\).*need layout='torch'"):
        layout_of(place, values, None, set())
    assert layout_of(place, values, None, {"keras"}) == "keras"
    assert layout_of(place, values, "torch", {"keras"}) == "torch"


@pytest.mark.parametrize(("name", "layout"), [("a.weight", "torch"), ("a/kernel", "keras"), ("a.w", "keras")])
def test_the_name_of_a_square_weight_is_a_hint(name: str, layout: str) -> None:
    values = {name: np.zeros((30, 30)), "b": np.zeros(30)}
    assert layout_of(Place("a", name, "b"), values, None, set()) == layout


def test_layers_that_contradict_each_other_are_no_hint() -> None:
    values = {"0": np.zeros((30, 20)), "1": np.zeros(30), "2": np.zeros((20, 30)), "3": np.zeros(30)}
    assert layouts_by_shape([Place("", "0", "1"), Place("", "2", "3")], values) == set()


def test_shapes_that_do_not_fit() -> None:
    place, values = Place("0", "0", "1"), {"0": np.zeros((30, 20)), "1": np.zeros(10)}
    with pytest.raises(UpdateError, match=r"0 has shape \(30, 20\) and 1 \(10,\): need one side"):
        layout_of(place, values, None, set())
    values["1"] = np.zeros(20)
    with pytest.raises(UpdateError, match="need the first side"):
        layout_of(place, values, "torch", set())
    for weight, bias in ((np.zeros((30, 20)), np.zeros(())), (np.zeros(30), np.zeros(30))):
        with pytest.raises(UpdateError, match="need one side"):
            layout_of(place, {"0": weight, "1": bias}, None, set())


def test_names_of_no_library_go_by_their_order() -> None:
    found, _ = places_of_names({"W1": np.zeros((30, 20)), "b1": np.zeros(30), "W2": np.zeros((10, 30))})
    assert [(place.weight, place.bias) for place in found] == [("W1", "b1"), ("W2", "")]
