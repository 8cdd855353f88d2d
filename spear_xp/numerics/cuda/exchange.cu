// Exchange chains: a warp follows a chain, and lane c holds column c of W = L_spare L_I^-1 in registers.
//
// B       columns of W, at most 32
// SPARE   rows of W, at most 32
// PAIRS   pairs of rows that are compared at each step
// FEWEST  zeros that a combination of columns needs
// SINGLES steps between two looks for single columns
// MOST    reports of a chain
// REAL    float or double

constexpr int THREADS = 128;
constexpr unsigned WARP = 0xffffffffu;

// Entry r of a column, for an r that is only known when the kernel runs: an index would move it to memory.
__device__ __forceinline__ REAL entry(const REAL w[SPARE], int r) {
  REAL found = w[0];
#pragma unroll
  for (int i = 1; i < SPARE; i++) found = i == r ? w[i] : found;
  return found;
}

// Exchange row c of the information set with spare row r, if the pivot allows.
__device__ __forceinline__ void swap_rows(REAL w[SPARE], int& inside, int& outside, int lane, int r, int c,
                                          REAL least) {
  const REAL mine = entry(w, r), pivot = __shfl_sync(WARP, mine, c);
  const int leaving = __shfl_sync(WARP, inside, c), entering = __shfl_sync(WARP, outside, r);
  if (!(fabs(pivot) > least)) return;  // the same in all lanes
  const REAL inverse = 1 / pivot;
#pragma unroll
  for (int i = 0; i < SPARE; i++) {
    const REAL column = __shfl_sync(WARP, w[i], c) * inverse;
    if (i == r) w[i] = lane == c ? inverse : -mine * inverse;
    else w[i] = lane == c ? column : w[i] - column * mine;
  }
  if (lane == c) inside = entering;
  if (lane == r) outside = leaving;
}

// Bitonic sort over the lanes, smallest key first; `column` goes with its key.
__device__ __forceinline__ void sort(float& key, int& column, int lane) {
#pragma unroll
  for (int size = 2; size <= 32; size *= 2) {
#pragma unroll
    for (int distance = size / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(WARP, key, distance);
      const int from = __shfl_xor_sync(WARP, column, distance);
      const bool less = other < key || (other == key && from < column);
      const bool smaller = ((lane & distance) == 0) == ((lane & size) == 0);  // this lane keeps the smaller one
      if (smaller == less) key = other, column = from;
    }
  }
}

// table (SPARE, B, chains); members (B + SPARE, chains); swaps (steps, 2); pairs (steps, PAIRS, 2).
// hits (MOST chains, 3 + B): place of a report in the order of all, two columns, rows of the information set;
// weights (MOST chains,): the second column's; in no order, count of them.
// One block is enough for a multiprocessor: to fit more, the compiler would spill.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
follow_chains(const REAL* __restrict__ table, const int* __restrict__ members, const int* __restrict__ swaps,
              const int* __restrict__ pairs, int steps, int chains, REAL least, REAL equal, int* __restrict__ hits,
              REAL* __restrict__ weights, unsigned* __restrict__ count) {
  const int chain = (blockIdx.x * THREADS + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (chain >= chains) return;  // a whole warp
  const int own = lane < B ? lane : B - 1;
  REAL w[SPARE];
#pragma unroll
  for (int i = 0; i < SPARE; i++) w[i] = table[(i * B + own) * chains + chain];
  int inside = members[own * chains + chain];
  int outside = members[(B + (lane < SPARE ? lane : 0)) * chains + chain];
  int reports = 0;
  auto report = [&](int first, int second, REAL weight) {
    if (reports == MOST) return;
    unsigned at = 0;
    if (lane == 0) at = atomicAdd(count, 1u);
    at = __shfl_sync(WARP, at, 0);
    int* hit = hits + at * (3 + B);
    if (lane == 0) {
      hit[0] = chain * MOST + reports;
      hit[1] = first;
      hit[2] = second;
      weights[at] = weight;
    }
    if (lane < B) hit[3 + lane] = inside;
    reports++;
  };
  for (int step = 0; step < steps; step++) {
    if (step) swap_rows(w, inside, outside, lane, swaps[2 * step], swaps[2 * step + 1], least);
    for (int pair = 0; pair < PAIRS; pair++) {
      const int top = pairs[2 * (step * PAIRS + pair)], bottom = pairs[2 * (step * PAIRS + pair) + 1];
      const REAL below = entry(w, bottom), ratio = entry(w, top) / below;
      if (__any_sync(WARP, lane < B && ratio != ratio)) continue;  // 0 / 0: nothing can be said of this order
      float key = lane < B ? float(ratio) : __int_as_float(0x7f800000);  // infinity
      int column = lane;
      sort(key, column, lane);
      const float next = __shfl_sync(WARP, key, lane < 31 ? lane + 1 : 31);
      unsigned met = __ballot_sync(WARP, lane < B - 1 && next - key < float(equal) * fabsf(next));
      while (met) {
        const int place = __ffs(met) - 1;
        met &= met - 1;
        const int first = __shfl_sync(WARP, column, place), second = __shfl_sync(WARP, column, place + 1);
        const REAL weight = -__shfl_sync(WARP, below, first) / __shfl_sync(WARP, below, second);
        REAL scale = 0, sums[SPARE];
#pragma unroll
        for (int i = 0; i < SPARE; i++) {
          const REAL one = __shfl_sync(WARP, w[i], first), other = weight * __shfl_sync(WARP, w[i], second);
          scale = fmax(scale, fabs(one) + fabs(other));
          sums[i] = fabs(one + other);
        }
        int zeros = 0;
#pragma unroll
        for (int i = 0; i < SPARE; i++) zeros += sums[i] < equal * scale;
        if (zeros >= FEWEST) report(first, second, weight);
      }
    }
    if (step % SINGLES == 0) {
      int zeros = 0;
#pragma unroll
      for (int i = 0; i < SPARE; i++) zeros += fabs(w[i]) < equal;
      unsigned single = __ballot_sync(WARP, lane < B && zeros >= FEWEST);
      while (single) {
        const int column = __ffs(single) - 1;
        single &= single - 1;
        report(column, column, 0);
      }
    }
  }
}
