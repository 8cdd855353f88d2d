// Sparse kernels of random row sets: LANES lanes of a warp eliminate one set in registers.
//
// With the B rows I of a set, W = L_t L_I^-1 holds the values of B directions on rows t that no set contains:
// column i of W vanishes on all rows of the set but one. The matrix [L_I^T | L_t^T] has its columns cyclic over
// the lanes; Gauss-Jordan steps without pivots turn it into [1 | W^T].
//
// B      coordinates, and rows of a set
// LANES  lanes of a set, a power of two
// TESTS  rows that no set of a shuffle contains
// WIDEST most rows
// SINGULAR  pivot in place of zero

constexpr int THREADS = 128, GROUPS = THREADS / LANES;
constexpr int SLOTS = (B + TESTS + LANES - 1) / LANES;   // columns of a lane
constexpr int FOURS = (B + 3) / 4;                       // a row in memory, padded with zeros
constexpr unsigned WARP = 0xffffffffu;

// Philox-4x32-10 (Salmon et al. 2011); its twin is `numerics.random.philox`.
__device__ __forceinline__ void philox(unsigned c[4], unsigned k0, unsigned k1) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    unsigned high0 = __umulhi(0xD2511F53u, c[0]), low0 = 0xD2511F53u * c[0];
    unsigned high1 = __umulhi(0xCD9E8D57u, c[2]), low1 = 0xCD9E8D57u * c[2];
    c[0] = high1 ^ c[1] ^ k0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ k1;
    c[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// The order of a shuffle: all rows, sorted by random keys. One block at a time; `keys` and `order` are shared.
__device__ void shuffle(unsigned* keys, unsigned short* order, int width, const unsigned* counter, const unsigned* key) {
  for (int i = 4 * threadIdx.x; i < width; i += 4 * THREADS) {
    unsigned word[4] = {unsigned(i / 4), blockIdx.x, counter[0], counter[1]};
    philox(word, key[0], key[1]);
    for (int k = 0; k < 4 && i + k < width; k++) keys[i + k] = word[k];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < width; i += THREADS) {
    int rank = 0;
    for (int j = 0; j < width; j++) rank += keys[j] < keys[i] || (keys[j] == keys[i] && j < i);
    order[rank] = (unsigned short)i;
  }
  __syncthreads();
}

// rows (width, 4 FOURS); places (sets, B): where in its order a block finds the rows of its sets; counter (2,);
// key (2,). hits (gridDim.x * sets, 2): number of a set, and a bit for each of its rows that a sparse direction leaves
// out; in no order, count of them.
extern "C" __global__ void __launch_bounds__(THREADS)
sparse_sets(const float* __restrict__ rows, int width, const unsigned short* __restrict__ places, int sets,
            const unsigned* __restrict__ counter, const unsigned* __restrict__ key, float near, int needed,
            unsigned long long* __restrict__ hits, unsigned* __restrict__ count) {
  __shared__ unsigned keys[WIDEST];
  __shared__ unsigned short order[WIDEST];
  shuffle(keys, order, width, counter, key);
  const int lane = threadIdx.x % 32, own = lane % LANES, group = threadIdx.x / LANES;
  for (int first = 0; first < sets; first += GROUPS) {  // all groups take part to the end: warps stay whole
    const int number = first + group, n = number < sets ? number : sets - 1;
    float a[B][SLOTS];
#pragma unroll
    for (int s = 0; s < SLOTS; s++) {
      const int column = s * LANES + own, test = column - B < TESTS ? column - B : TESTS - 1;
      const int row = order[column < B ? TESTS + places[n * B + column] : test];
#pragma unroll
      for (int q = 0; q < FOURS; q++) {
        const float4 part = reinterpret_cast<const float4*>(rows)[row * FOURS + q];
        a[4 * q][s] = part.x;
        if (4 * q + 1 < B) a[4 * q + 1][s] = part.y;
        if (4 * q + 2 < B) a[4 * q + 2][s] = part.z;
        if (4 * q + 3 < B) a[4 * q + 3][s] = part.w;
      }
    }
#pragma unroll
    for (int j = 0; j < B; j++) {  // column j is done with: what becomes of it does not matter
      const float pivot = __shfl_sync(WARP, a[j][j / LANES], j % LANES, LANES);
      const float inverse = __frcp_rn(pivot == 0.0f ? SINGULAR : pivot);
#pragma unroll
      for (int s = j / LANES; s < SLOTS; s++) a[j][s] *= inverse;
#pragma unroll
      for (int i = 0; i < B; i++) {
        if (i == j) continue;
        const float factor = __shfl_sync(WARP, a[i][j / LANES], j % LANES, LANES);
#pragma unroll
        for (int s = j / LANES; s < SLOTS; s++) a[i][s] -= factor * a[j][s];
      }
    }
    unsigned long long left_out = 0;
#pragma unroll
    for (int i = 0; i < B; i++) {
      float size = 1.0f;
#pragma unroll
      for (int s = B / LANES; s < SLOTS; s++) {
        const int column = s * LANES + own;
        if (column >= B && column < B + TESTS) size = fmaxf(size, fabsf(a[i][s]));
      }
#pragma unroll
      for (int d = LANES / 2; d > 0; d /= 2) size = fmaxf(size, __shfl_xor_sync(WARP, size, d));
      int zeros = 0;
#pragma unroll
      for (int s = B / LANES; s < SLOTS; s++) {
        const int column = s * LANES + own;
        const bool zero = column >= B && column < B + TESTS && fabsf(a[i][s]) < near * size;
        zeros += __popc(__ballot_sync(WARP, zero) >> (lane - own) & ((1ull << LANES) - 1));
      }
      if (zeros >= needed) left_out |= 1ull << i;
    }
    if (number < sets && own == 0 && left_out) {
      const unsigned at = atomicAdd(count, 1u);
      hits[2 * at] = blockIdx.x * sets + number;
      hits[2 * at + 1] = left_out;
    }
  }
}
