"""The targets of `python -m tests.benchmarks.fuzz`, on bytes that Hypothesis makes."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp import estimate
from tests.helpers.fuzzing import TARGETS, whole_archives


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that overflow are no mistake
@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_result_or_an_error_of_this_library(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_files_that_are_whole_are_read(name: str) -> None:
    for content in whole_archives():
        TARGETS[name](content)


FOUND = [  # what ended in a traceback once
    ("forecast", "CcHvPw=="),
    ("layer", "0AAABAD/BP8A/wQEBAOtQa8="),
    ("searched", "UAAAAAA/AAUAAAAEAAAoAAAAAAB+efSsBqP1PwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ1pWzuBkLQAAAJE4"),
    ("searched", "JVjMjPOuYWZ0aBK+6QX9YMPAWoGKZA=="),
    ("update_by_names", "ASI="),
    ("update_by_names", "Je1AuG7+cf64nLJHrWGRlcieOQU6t245HxDjdZkTnpsJNqf/uaJTW9xlJG6kHQ=="),
    ("update_by_names", "LwfBjrLPthTrjbcViQRSyem+SdXht1cwSRxA1KrfeufPhhkucS2LH2ke/zDXNQ=="),
    ("update_by_names", "ND2+XnKyOaLywqbgPgbsUR1Co1sXtgXJZmvZXx2xSEBUuTggexVKREHFgD7dPxO0haHf24yeQQ=="),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_is_mended(name: str, data: str) -> None:
    TARGETS[name](base64.b64decode(data))


@pytest.mark.parametrize(("noise", "psnr"), [(1e-300, float("inf")), (1e300, -979.0)])
def test_a_forecast_takes_noise_of_any_size(noise: float, psnr: float) -> None:
    forecast = estimate(12, 100, features=50, noise=noise)
    assert forecast.psnr == pytest.approx(psnr, abs=1)
    assert forecast.success_probability == pytest.approx(float(noise < 1), abs=1e-6)
