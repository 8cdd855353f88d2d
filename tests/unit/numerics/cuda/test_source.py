from spear_xp.numerics.cuda.source import Unit


def test_sizes_become_options_of_the_compiler() -> None:
    unit = Unit("sampler", "sparse_sets", (("B", 16), ("LANES", 4)))
    assert unit.options == ("--std=c++17", "-DB=16", "-DLANES=4")


def test_a_source_holds_its_kernel() -> None:
    unit = Unit("sampler", "sparse_sets")
    assert f"{unit.kernel}(" in unit.code
    assert unit.path.suffix == ".cu"


def test_equal_units_are_compiled_once() -> None:
    assert (
        len({Unit("sampler", "sparse_sets", (("B", 16),)), Unit("sampler", "sparse_sets", (("B", 16),))}) == 1
    )
