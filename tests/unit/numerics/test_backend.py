import sys
import warnings
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.errors import ArrayLibraryError, DtypeError
from spear_xp.numerics import backend
from spear_xp.numerics.backend import (
    Space,
    enter,
    laid_out,
    layout_of,
    libraries,
    on_device,
    on_its_device,
    quiet,
    signs,
    space_of,
    to_host,
)
from spear_xp.numerics.cuda import FUSED
from spear_xp.numerics.cuda.source import Unit
from tests.conftest import Backend
from tests.helpers.optional import need

FOREIGN = ModuleType("foreign")
OTHER_DEVICE = array_api_strict.Device("device1")


@dataclass(frozen=True)
class Foreign:
    """An array of a library that nobody has heard of."""

    shape: tuple[int, ...] = (2,)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return FOREIGN


def test_the_working_dtype_is_the_widest_of_the_device(space: Backend) -> None:
    found = space_of(space.asarray(np.ones(3)))
    wide = "float32" if "no_float64" in space.name else "float64"
    assert found.dtype == getattr(space.xp, wide)
    assert found.eps == float(np.finfo(wide).eps)
    assert found.asarray([1.0]).device == space.asarray(np.ones(3)).device


def test_host_values_come_back_as_they_went(space: Backend) -> None:
    found = space_of(space.asarray(np.ones(1)))
    values = np.array([[0.5, -2.0, 1e20], [3.0, 0.25, -1e-20]]).astype("float32")
    back = to_host(found.asarray(values))
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(to_host(found.indices([3, 1, 2])), [3, 1, 2])
    assert found.indices([0]).dtype == space.xp.int64


def test_sequences_of_numbers_become_host_arrays() -> None:
    np.testing.assert_array_equal(to_host([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]))
    array = np.arange(3)
    assert to_host(array) is array


def test_every_backend_draws_the_same_normal_numbers(space: Backend) -> None:
    found = space_of(space.asarray(np.ones(1)))
    drawn = space.to_numpy(found.normal(np.random.default_rng(4), (5, 3)))
    expected = np.random.default_rng(4).standard_normal((5, 3))
    np.testing.assert_array_equal(drawn, expected.astype(drawn.dtype))


def test_arrays_that_belong_together_enter_as_they_are(space: Backend) -> None:
    one, other = space.arrays(np.ones((2, 3)), np.zeros(2))
    found, arrays, leave = enter(one=one, other=other)
    assert found == space_of(one)
    assert arrays["one"] is one
    assert arrays["other"] is other
    assert leave(one) is one


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([1.0, 2.0], "b is list: need a NumPy, CuPy or torch array"),
        (array_api_strict.asarray([1.0]), "a of numpy, b of array_api_strict"),
        (Foreign(), "need arrays of one library"),
    ],
    ids=["no array", "two libraries", "an unknown library"],
)
def test_what_does_not_belong_to_the_first_array_is_named(other: Any, message: str) -> None:
    with pytest.raises(ArrayLibraryError, match=message):
        enter(a=np.ones(2), b=other)


def test_a_library_that_is_not_supported_is_named() -> None:
    with pytest.raises(ArrayLibraryError, match="a is of foreign: need a NumPy, CuPy or torch array"):
        enter(a=Foreign())


def test_arrays_of_two_devices_are_refused() -> None:
    here, there = array_api_strict.asarray([1.0]), array_api_strict.asarray([1.0], device=OTHER_DEVICE)
    with pytest.raises(ArrayLibraryError, match=r"b lies on .*device1.* and a on .*CPU_DEVICE.*one device"):
        enter(a=here, b=there)


@given(st.sampled_from(["int64", "uint8", "bool", "complex128"]))
def test_dtypes_that_are_not_real_numbers_are_refused_by_name(dtype: str) -> None:
    with pytest.raises(DtypeError, match=f"b has dtype {dtype}: need a real floating-point dtype"):
        enter(a=np.ones(2), b=np.ones(2, dtype=dtype))


def test_warnings_are_silent_inside_and_loud_again_after() -> None:
    with quiet():
        assert np.isinf(np.ones(1) / np.zeros(1)).all()
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.ones(1) / np.zeros(1)


@pytest.mark.parametrize("form", ["strided", "sparse", "csr", "negative", "transposed"])
def test_tensors_are_read_with_the_sign_that_they_have(form: str) -> None:
    torch = need("torch")
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls the format of csr a beta
        tensor = {
            "strided": lambda: values,
            "sparse": values.to_sparse,
            "csr": values.to_sparse_csr,
            "negative": lambda: torch.complex(torch.zeros(3, 4), -values).conj().imag,
            "transposed": lambda: values.T.contiguous().T,
        }[form]()
    _, arrays, _ = enter(tensor=tensor)
    np.testing.assert_array_equal(arrays["tensor"], values.numpy())
    np.testing.assert_array_equal(to_host(tensor), values.numpy())


def test_short_floats_are_read_as_they_are() -> None:
    torch = need("torch")
    values = torch.linspace(-2, 2, 64)
    for dtype, inside in ((torch.bfloat16, "float32"), (torch.float16, "float16")):
        _, arrays, _ = enter(tensor=values.to(dtype))
        assert arrays["tensor"].dtype == inside
        np.testing.assert_array_equal(arrays["tensor"], values.to(dtype).float().numpy())


@pytest.mark.parametrize("dtype", ["complex64", "int32", "bool"])
def test_tensors_that_are_no_real_numbers_are_refused(dtype: str) -> None:
    torch = need("torch")
    with pytest.raises(DtypeError, match=f"tensor has dtype torch.{dtype}"):
        enter(tensor=torch.ones(2, dtype=getattr(torch, dtype)))


def test_libraries_are_named_with_their_versions(space: Backend) -> None:
    found = libraries(space_of(space.asarray(np.ones(1))))
    assert found["NumPy"] == np.__version__
    assert found["BLAS"]
    assert (
        space.xp.__name__ != "array_api_strict" or found["array_api_strict"] == array_api_strict.__version__
    )


@pytest.mark.parametrize(
    "array",
    [np.arange(12.0).reshape(3, 4)[:, 1], np.asfortranarray(np.ones((3, 4))), np.broadcast_to(1.0, (2, 3))],
    ids=str,
)
def test_arrays_are_laid_out_as_they_were(array: np.ndarray) -> None:
    layout = layout_of(array)
    assert layout is not None
    again = laid_out(*layout)
    np.testing.assert_array_equal(again, array)
    assert again.strides == array.strides


@pytest.mark.parametrize("value", [np.arange(3.0), np.arange(3.0)[::-1], 1.0, None, "text"], ids=str)
def test_only_arrays_with_gaps_have_a_layout(value: Any) -> None:
    assert layout_of(value) is None


def test_a_layout_of_too_many_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        laid_out(np.ones(3), (2**40,))


def test_signs_are_those_of_numpy(space: Backend) -> None:
    values = np.asarray([-2.0, -1e-30, 0.0, 1e-30, 5.0])
    np.testing.assert_array_equal(space.to_numpy(signs(space.xp, space.asarray(values))), np.sign(values))


class Device:
    """A device as CuPy has them: a context manager that makes itself the current one."""

    current: ClassVar[list["Device"]] = []

    def __enter__(self) -> None:
        self.current.append(self)

    def __exit__(self, *_: object) -> None:
        self.current.pop()


def test_the_device_of_a_problem_is_current_while_a_function_runs() -> None:
    place = Device()
    problem = SimpleNamespace(space=Space(np, place, np.float64))
    run = on_its_device(lambda problem, value: (problem.space.device in Device.current, value))
    assert run(problem, 3) == (True, 3)
    assert not Device.current


def test_a_library_without_devices_has_nothing_to_make_current() -> None:
    assert on_its_device(lambda array: array + 1)(np.ones(1)) == 2
    with space_of(np.ones(1)).current():
        assert not on_device(np)


def test_arrays_on_the_host_have_no_fused_kernels() -> None:
    for array in (np.ones(1), array_api_strict.ones(1)):
        assert space_of(array).fused("sampler") is None


def test_a_device_compiles_a_kernel_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(backend, "is_cupy_namespace", lambda xp: True)
    library = SimpleNamespace(
        RawKernel=lambda code, name, options: made.append((code, name, options)) or print
    )
    monkeypatch.setitem(sys.modules, "cupy", library)
    monkeypatch.setitem(FUSED, "plain", lambda compiled: compiled)
    compiled, unit = space_of(np.ones(1)).fused("plain"), Unit("sampler", "sparse_sets", (("B", 3),))
    assert compiled is not None
    assert compiled(unit) is compiled(unit) is print
    assert made == [(unit.code, "sparse_sets", ("--std=c++17", "-DB=3"))]
