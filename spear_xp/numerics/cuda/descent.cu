// A step of a descent outside of its products of matrices.
//
// WIDEST  most coordinates of an iterate

constexpr int THREADS = 128;
constexpr unsigned WARP = 0xffffffffu;

// result (count,): weights with the signs of residuals.
extern "C" __global__ void __launch_bounds__(THREADS)
weighted_signs(const float* __restrict__ residual, const float* __restrict__ weights, int count,
               float* __restrict__ result) {
  const int i = blockIdx.x * THREADS + threadIdx.x;
  if (i < count) result[i] = copysignf(weights[i], residual[i]);
}

// Sum of a number of each thread, the same in all of them.
__device__ float total(float value, float part[THREADS / 32]) {
#pragma unroll
  for (int d = 16; d > 0; d /= 2) value += __shfl_xor_sync(WARP, value, d);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < THREADS / 32; w++) sum += part[w];
  __syncthreads();  // before the next sum is written
  return sum;
}

// A block moves one iterate. current, free, gradient, pull (d, s); avoid (d, k), orthonormal. next (d, s): against the
// projected gradient without `length` times the pull, to unit norm outside of avoid; next_free (d, s): its part outside
// of avoid.
extern "C" __global__ void __launch_bounds__(THREADS)
advance(const float* current, const float* free, const float* gradient, const float* pull, const float* avoid, int d,
        int s, int k, float length, float tiny, float* __restrict__ next, float* __restrict__ next_free) {
  __shared__ float part[THREADS / 32];
  __shared__ float moved[WIDEST];
  __shared__ float known[WIDEST];  // coordinates in avoid
  const int column = blockIdx.x;
  float sum = 0;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    moved[i] = gradient[i * s + column] - length * pull[i * s + column];
    sum += current[i * s + column] * moved[i];
  }
  const float along = total(sum, part);
  sum = 0;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    const float step = moved[i] - free[i * s + column] * along;
    moved[i] = step;
    sum += step * step;
  }
  const float scale = length / (sqrtf(total(sum, part)) + tiny);
  for (int i = threadIdx.x; i < d; i += THREADS) moved[i] = current[i * s + column] - scale * moved[i];
  __syncthreads();
  for (int j = threadIdx.x; j < k; j += THREADS) {
    float dot = 0;
    for (int i = 0; i < d; i++) dot += avoid[i * k + j] * moved[i];
    known[j] = dot;
  }
  __syncthreads();
  sum = 0;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    float outside = moved[i];
    for (int j = 0; j < k; j++) outside -= avoid[i * k + j] * known[j];
    next_free[i * s + column] = outside;
    sum += outside * outside;
  }
  const float norm = sqrtf(total(sum, part)) + tiny;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    next[i * s + column] = moved[i] / norm;
    next_free[i * s + column] /= norm;
  }
}

// A block looks at one iterate. residual, z (m, s). flat (m, s): sizes of the residuals, at most `saturated` times their mean; level (s,): their
// means. share (s,): the sign of z for which the rows it calls inactive have the smaller residuals, times half of
// the inverse of its mean size.
extern "C" __global__ void __launch_bounds__(THREADS)
look(const float* __restrict__ residual, const float* __restrict__ z, int m, int s, float saturated, float tiny,
     float* __restrict__ flat, float* __restrict__ level, float* __restrict__ share) {
  __shared__ float part[THREADS / 32];
  const int column = blockIdx.x;
  float sizes = 0, along = 0, plain = 0, absolute = 0;
  for (int i = threadIdx.x; i < m; i += THREADS) {
    const float size = fabsf(residual[i * s + column]), value = z[i * s + column];
    sizes += size;
    along += size * value;
    plain += value;
    absolute += fabsf(value);
  }
  const float mean = total(sizes, part) / m;
  const float turn = copysignf(1.0f, total(along, part) - mean * total(plain, part));
  const float half = 0.5f / (total(absolute, part) / m + tiny);
  float sum = 0;
  for (int i = threadIdx.x; i < m; i += THREADS) {
    const float size = fminf(fabsf(residual[i * s + column]), saturated * mean);
    flat[i * s + column] = size;
    sum += size;
  }
  sum = total(sum, part);
  if (threadIdx.x == 0) {
    level[column] = sum / m;
    share[column] = turn * half;
  }
}

// z, fitted (m, s); share (s,). weights (m, s): a sigmoid of -(z share + fitted / 2 mean |fitted|) / temperature.
extern "C" __global__ void __launch_bounds__(THREADS)
mask_weights(const float* __restrict__ z, const float* __restrict__ fitted, const float* __restrict__ share, int m,
             int s, float temperature, float flat, float tiny, float* __restrict__ weights) {
  __shared__ float part[THREADS / 32];
  const int column = blockIdx.x;
  float sum = 0;
  for (int i = threadIdx.x; i < m; i += THREADS) sum += fabsf(fitted[i * s + column]);
  const float half = 0.5f / (total(sum, part) / m + tiny), own = share[column];
  for (int i = threadIdx.x; i < m; i += THREADS) {
    const float mixed = z[i * s + column] * own + fitted[i * s + column] * half;
    weights[i * s + column] = 1.0f / (1.0f + expf(fminf(mixed / temperature, flat)));
  }
}

// A block looks at one iterate. residual, weights (m, s). conflict (m, s): weights times sizes of residuals, without
// their weighted mean.
extern "C" __global__ void __launch_bounds__(THREADS)
conflicts(const float* __restrict__ residual, const float* __restrict__ weights, int m, int s,
          float* __restrict__ conflict) {
  __shared__ float part[THREADS / 32];
  const int column = blockIdx.x;
  float sizes = 0, sum = 0;
  for (int i = threadIdx.x; i < m; i += THREADS) {
    const float weight = weights[i * s + column];
    sizes += weight * fabsf(residual[i * s + column]);
    sum += weight;
  }
  sizes = total(sizes, part);
  const float mean = sizes / total(sum, part);
  for (int i = threadIdx.x; i < m; i += THREADS) {
    const float weight = weights[i * s + column];
    conflict[i * s + column] = weight * fabsf(residual[i * s + column]) - weight * mean;
  }
}

// A block sees to one iterate. way, current, gradient (d, s); strength (s,). pulled (d, s): the part of way across the
// iterate, `strength` times as long as that of the gradient.
extern "C" __global__ void __launch_bounds__(THREADS)
pull(const float* __restrict__ way, const float* __restrict__ current, const float* __restrict__ gradient,
     const float* __restrict__ strength, int d, int s, float tiny, float* __restrict__ pulled) {
  __shared__ float part[THREADS / 32];
  const int column = blockIdx.x;
  float along = 0, slope = 0;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    along += current[i * s + column] * way[i * s + column];
    slope += current[i * s + column] * gradient[i * s + column];
  }
  along = total(along, part);
  slope = total(slope, part);
  float length = 0, across = 0;
  for (int i = threadIdx.x; i < d; i += THREADS) {
    const float one = way[i * s + column] - current[i * s + column] * along;
    const float other = gradient[i * s + column] - current[i * s + column] * slope;
    pulled[i * s + column] = one;
    length += one * one;
    across += other * other;
  }
  length = sqrtf(total(length, part)) + tiny;
  const float factor = strength[column] * (sqrtf(total(across, part)) + tiny) / length;
  for (int i = threadIdx.x; i < d; i += THREADS) pulled[i * s + column] *= factor;
}
