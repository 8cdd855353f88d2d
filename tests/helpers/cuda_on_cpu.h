// CUDA C++ on a CPU, for correctness alone: each thread is a fiber, blocks run one after another.
//
// A fiber runs until it meets a barrier, and a warp until it meets one of the block, so a race shows as a result that
// depends on the order of the threads: run a kernel in both orders. Threads that do not all reach the same barrier, or lanes that are missing where a mask
// names them, are a fault, though a device may get away with it. Memory is shared as on a device, but an increment
// that should have been atomic is never torn here.
//
//   #include "cuda_on_cpu.h"
//   #include "kernel.cu"
//   CUDA_ON_CPU_EXPORT(kernel)   // extern "C" const char* run(reversed, blocks, threads, pointers to arguments)
#pragma once
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <ucontext.h>
#include <utility>
#include <vector>

#define CUDA_ON_CPU 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__
#define __shared__ static  // one block runs at a time

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_cpu {

enum class State { ready, block_barrier, warp_barrier, done };

struct Fiber {
  std::vector<char> stack = std::vector<char>(1 << 17);
  ucontext_t start;
  jmp_buf place;
  State state;
  bool entered;
  int site;         // which __syncthreads of the source it waits at
  unsigned mask;    // lanes that it waits for
  uint64_t offered; // value that other lanes may read
  int vote;
};

static std::vector<Fiber> fibers;
static jmp_buf scheduler;
static int current;
static int voted;
static std::function<void()> body;
static char fault[160];

static inline void wait(State state) {
  fibers[current].state = state;
  if (!_setjmp(fibers[current].place)) _longjmp(scheduler, 1);
}

static void enter() {
  body();
  fibers[current].state = State::done;
  _longjmp(scheduler, 1);
}

static void resume(int thread) {
  Fiber& fiber = fibers[thread];
  current = thread;
  threadIdx.x = thread;
  if (_setjmp(scheduler)) return;
  if (fiber.entered) _longjmp(fiber.place, 1);
  fiber.entered = true;
  setcontext(&fiber.start);
}

static void prepare(Fiber& fiber) {
  fiber.state = State::ready;
  fiber.entered = false;
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.data();
  fiber.start.uc_stack.ss_size = fiber.stack.size();
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, enter, 0);
}

// Free all threads of a block that wait at one barrier; whether they did.
static bool pass_block_barrier() {
  int waiting = 0, votes = 0;
  for (const Fiber& fiber : fibers) {
    waiting += fiber.state == State::block_barrier && fiber.site == fibers[0].site;
    votes += fiber.vote;
  }
  if (waiting < int(fibers.size())) return false;
  voted = votes;
  for (Fiber& fiber : fibers) fiber.state = State::ready;
  return true;
}

// Free the lanes of every mask of a warp that is complete; whether there was one.
static bool pass_warp_barriers(int first) {
  bool passed = false;
  const int end = std::min(first + 32, int(fibers.size()));
  for (int thread = first; thread < end; thread++) {
    if (fibers[thread].state != State::warp_barrier) continue;
    const unsigned mask = fibers[thread].mask;
    bool complete = true;
    for (int lane = 0; lane < 32; lane++) {
      if (!(mask >> lane & 1)) continue;
      const int other = first + lane;
      complete &= other < end && fibers[other].state == State::warp_barrier && fibers[other].mask == mask;
    }
    if (!complete) continue;
    passed = true;
    for (int lane = 0; lane < 32; lane++)
      if (mask >> lane & 1) fibers[first + lane].state = State::ready;
  }
  return passed;
}

// One warp after the other, each as far as it gets alone.
static bool run_block(bool reversed) {
  const int count = int(fibers.size()), warps = (count + 31) / 32;
  for (Fiber& fiber : fibers) prepare(fiber);
  for (;;) {
    for (int w = 0; w < warps; w++) {
      const int first = 32 * (reversed ? warps - 1 - w : w), end = std::min(first + 32, count);
      do {
        for (int k = first; k < end; k++) {
          const int thread = reversed ? first + end - 1 - k : k;
          if (fibers[thread].state == State::ready) resume(thread);
        }
      } while (pass_warp_barriers(first));
    }
    int done = 0, waiting = 0;
    for (const Fiber& fiber : fibers) {
      done += fiber.state == State::done;
      waiting += fiber.state == State::block_barrier;
    }
    if (done == count) return true;
    if (pass_block_barrier()) continue;
    snprintf(fault, sizeof fault, "divergent barrier in block %u: of %d threads %d wait for the block, %d are done",
             blockIdx.x, count, waiting, done);
    return false;
  }
}

static inline int block_barrier(int site, int vote = 0) {
  fibers[current].site = site;
  fibers[current].vote = vote;
  wait(State::block_barrier);
  return voted;
}

static inline void warp_barrier(unsigned mask) {
  fibers[current].mask = mask;
  wait(State::warp_barrier);
}

// The value that a lane of this warp offers. Nobody goes on before all have read.
template <class T>
T exchange(unsigned mask, T value, int from) {
  fibers[current].offered = 0;
  memcpy(&fibers[current].offered, &value, sizeof value);
  warp_barrier(mask);
  memcpy(&value, &fibers[(current & ~31) + from].offered, sizeof value);
  warp_barrier(mask);
  return value;
}

static inline int lane() { return current & 31; }

template <class... P, size_t... I>
void call(void (*kernel)(P...), void** arguments, std::index_sequence<I...>) {
  kernel(*static_cast<P*>(arguments[I])...);
}

template <class... P>
const char* launch(void (*kernel)(P...), bool reversed, unsigned blocks, unsigned threads, void** arguments) {
  fibers.resize(threads);
  blockDim.x = threads;
  gridDim.x = blocks;
  body = [=] { call(kernel, arguments, std::index_sequence_for<P...>()); };
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
    if (!run_block(reversed)) return fault;
  return nullptr;
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_EXPORT(kernel)                                                                \
  extern "C" const char* run(int reversed, unsigned blocks, unsigned threads, void** arguments) { \
    return cuda_on_cpu::launch(kernel, reversed, blocks, threads, arguments);                     \
  }

#define __syncthreads() cuda_on_cpu::block_barrier(__COUNTER__)
#define __syncthreads_count(vote) cuda_on_cpu::block_barrier(__COUNTER__, (vote) != 0)
#define __syncthreads_or(vote) (cuda_on_cpu::block_barrier(__COUNTER__, (vote) != 0) > 0)
static inline void __syncwarp(unsigned mask = 0xffffffffu) { cuda_on_cpu::warp_barrier(mask); }

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  return cuda_on_cpu::exchange(mask, value, (cuda_on_cpu::lane() & ~(width - 1)) + (from & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int = 32) {
  return cuda_on_cpu::exchange(mask, value, cuda_on_cpu::lane() ^ bits);
}
static inline unsigned __ballot_sync(unsigned mask, int vote) {
  cuda_on_cpu::fibers[cuda_on_cpu::current].offered = vote != 0;
  cuda_on_cpu::warp_barrier(mask);
  unsigned votes = 0;
  for (int lane = 0; lane < 32; lane++)
    if (mask >> lane & 1)
      votes |= unsigned(cuda_on_cpu::fibers[(cuda_on_cpu::current & ~31) + lane].offered) << lane;
  cuda_on_cpu::warp_barrier(mask);
  return votes;
}
static inline int __any_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote) != 0; }

template <class T>
T atomicAdd(T* place, T value) {
  const T before = *place;
  *place += value;
  return before;
}

static inline int __popc(unsigned word) { return __builtin_popcount(word); }
static inline int __ffs(int word) { return __builtin_ffs(word); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
static inline float __int_as_float(int bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline float __fdividef(float a, float b) { return a / b; }
