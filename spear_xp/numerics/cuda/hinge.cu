// A step towards hyperplanes of least squared hinge loss outside of its two products of matrices.

constexpr int THREADS = 128;

// missing (count,): label - margin, between the bounds.
extern "C" __global__ void __launch_bounds__(THREADS)
shortfall(const float* __restrict__ label, const float* __restrict__ margin, const float* __restrict__ least,
          const float* __restrict__ most, int count, float* __restrict__ missing) {
  const int i = blockIdx.x * THREADS + threadIdx.x;
  if (i < count) missing[i] = fminf(fmaxf(label[i] - margin[i], least[i]), most[i]);
}

// next (count,): ahead + pull; next_ahead (count,): beyond it by `momentum` times the way from `before`.
extern "C" __global__ void __launch_bounds__(THREADS)
accelerate(const float* __restrict__ ahead, const float* __restrict__ pull, const float* __restrict__ before, int count,
           float momentum, float* __restrict__ next, float* __restrict__ next_ahead) {
  const int i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= count) return;
  const float here = ahead[i] + pull[i];
  next[i] = here;
  next_ahead[i] = here + momentum * (here - before[i]);
}
