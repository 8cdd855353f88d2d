"""The emulator of CUDA: right kernels come out right, and planted faults are caught."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.helpers.emulator import DivergentBarrierError, OutOfBoundsError, kernel_of

SUM = """extern "C" __global__ void total(const float* values, float* sums) {
  __shared__ float part[64];
  part[threadIdx.x] = values[64 * blockIdx.x + threadIdx.x];
  BARRIER
  for (int half = 32; half > 0; half /= 2) {
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    BARRIER
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = part[0];
}"""
BARRIERS = {
    "half of the block": "if (threadIdx.x < 16) __syncthreads();",
    "two places": "if (threadIdx.x < 32) __syncthreads(); else __syncthreads();",
    "after some have left": "if (threadIdx.x == 3) return; __syncthreads();",
    "a lane that its mask names has left": "if (threadIdx.x == 3) return; __shfl_sync(0xffffffffu, 1, 0);",
    "masks that differ": "__ballot_sync(threadIdx.x % 2 ? 0xffffffffu : 0x55555555u, 1);",
    "a warp and its block": "if (threadIdx.x % 2) __syncthreads(); else __syncwarp();",
}
BOTH = pytest.mark.parametrize("backwards", [False, True])


def sums_of(code: str, *, backwards: bool) -> np.ndarray:
    values, sums = np.arange(192, dtype="float32"), np.zeros(3, "float32")
    kernel_of(code, "total", backwards=backwards)((3,), (64,), (values, sums))
    return sums


@BOTH
def test_shared_memory_and_barriers(backwards: bool) -> None:
    expected = np.arange(192).reshape(3, 64).sum(axis=1)
    np.testing.assert_array_equal(
        sums_of(SUM.replace("BARRIER", "__syncthreads();"), backwards=backwards), expected
    )


def test_a_race_depends_on_the_order_of_threads() -> None:
    racing = SUM.replace("BARRIER", "")
    forwards, backwards = (sums_of(racing, backwards=b) for b in (False, True))
    assert not np.array_equal(forwards, backwards)


@pytest.mark.parametrize("name", BARRIERS)
@BOTH
def test_divergent_barriers_are_faults(name: str, backwards: bool) -> None:
    code = f'extern "C" __global__ void bad() {{ {BARRIERS[name]} }}'
    with pytest.raises(DivergentBarrierError, match="block 0"):
        kernel_of(code, "bad", backwards=backwards)((2,), (64,), ())


LANES = np.arange(64)
WARP: dict[str, Callable[[], np.ndarray]] = {
    "__shfl_sync(0xffffffffu, t, 5)": lambda: LANES // 32 * 32 + 5,
    "__shfl_sync(0xffffffffu, t, 1, 4)": lambda: LANES // 4 * 4 + 1,
    "__shfl_xor_sync(0xffffffffu, t, 3)": lambda: LANES ^ 3,
    "int(__ballot_sync(0xffffffffu, t % 32 < 5))": lambda: np.full(64, 31),
    "__any_sync(0xffffffffu, t == 40)": lambda: LANES // 32,
    "__syncthreads_count(t < 7)": lambda: np.full(64, 7),
    "__syncthreads_or(t == 7)": lambda: np.ones(64),
    "atomicAdd(out + 64, 1) - atomicAdd(out + 65, 1)": lambda: np.zeros(64),
    "t % 32 < 8 ? __shfl_xor_sync(0xffu, t, 1) : t": lambda: np.where(LANES % 32 < 8, LANES ^ 1, LANES),
    "__popc(t) + 100 * __ffs(t)": lambda: np.array(
        [t.bit_count() + 100 * (t & -t).bit_length() for t in range(64)]
    ),
    "int(__umulhi(0x80000000u, unsigned(2 * t)))": lambda: LANES,
}


@pytest.mark.parametrize("expression", WARP)
@BOTH
def test_lanes_see_what_others_offer(expression: str, backwards: bool) -> None:
    code = (
        f'extern "C" __global__ void each(int* out) {{ const int t = threadIdx.x; out[t] = {expression}; }}'
    )
    out = np.zeros(66, "int32")
    kernel_of(code, "each", backwards=backwards)((1,), (64,), (out,))
    np.testing.assert_array_equal(out[:64], WARP[expression]())


def test_scalars_arrive_with_their_type() -> None:
    code = """extern "C" __global__ void put(float a, int b, unsigned c, double* out) {
      out[0] = a; out[1] = b; out[2] = c;
    }"""
    out = np.zeros(3)
    kernel_of(code, "put", backwards=False)(
        (1,), (1,), (np.float32(0.5), np.int32(-3), np.uint32(2**32 - 1), out)
    )
    np.testing.assert_array_equal(out, [0.5, -3, 2**32 - 1])


@pytest.mark.parametrize("place", ["-1", "8"])
def test_what_is_written_beside_an_array_is_seen(place: str) -> None:
    code = f'extern "C" __global__ void stray(float* out) {{ out[{place}] = threadIdx.x; }}'
    with pytest.raises(OutOfBoundsError, match="argument 0"):
        kernel_of(code, "stray", backwards=False)((1,), (1,), (np.zeros(8, "float32"),))


def test_what_is_read_beside_an_array_is_no_number() -> None:
    code = 'extern "C" __global__ void stray(const float* in, float* out) { out[0] = in[3] + in[-1]; }'
    out = np.zeros(1, "float32")
    kernel_of(code, "stray", backwards=False)((1,), (1,), (np.ones(3, "float32"), out))
    assert np.isnan(out[0])


def test_a_view_is_refused() -> None:
    code = 'extern "C" __global__ void nothing(float*) {}'
    with pytest.raises(AssertionError, match="view"):
        kernel_of(code, "nothing", backwards=False)((1,), (1,), (np.zeros((4, 4), "float32").T,))
