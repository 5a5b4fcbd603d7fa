// The door between JavaScript and the kernels: it takes a memory once, then numbers, and checks every address and length
// against the memory's size before a kernel sees it. A call that does not fit throws a RangeError and writes nothing. Each
// thread loads the addon for itself; nothing is shared between threads but the memory.
#include <node_api.h>

#include <cstdlib>
#include <cstring>

#include "keccak.h"
#include "lockstep.h"

#if LOCKSTEP_X64
#include <xmmintrin.h>
#endif

#ifndef LOCKSTEP_NATIVE_VERSION
#error "the build script defines LOCKSTEP_NATIVE_VERSION"
#endif

namespace lockstep {

// A memory of WebAssembly that is shared, so that it never moves, and what works on it. It lives as long as any of its
// functions, whose finalizers count down.
struct Memory {
  uint8_t* base;
  uint64_t bytes;
  const InstructionSet* set;
  napi_ref view;
  uint32_t functions;
};

static napi_value refuse(napi_env env, const char* message) {
  napi_throw_range_error(env, nullptr, message);
  return nullptr;
}

// Results depend on the rounding mode and on keeping subnormals. Some libraries change both for their thread.
static bool isRoundingExact() {
#if LOCKSTEP_X64
  constexpr unsigned kFlushToZero = 0x8000, kSubnormalsAreZero = 0x0040, kRounding = 0x6000;
  return (_mm_getcsr() & (kFlushToZero | kSubnormalsAreZero | kRounding)) == 0;
#elif LOCKSTEP_ARM64
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  constexpr uint64_t kFlushToZero = uint64_t{1} << 24, kDefaultNaN = uint64_t{1} << 25, kRounding = uint64_t{3} << 22;
  return (control & (kFlushToZero | kDefaultNaN | kRounding)) == 0;
#else
  return true;
#endif
}

// The numbers of a call, and its memory. Whether all are there.
template <size_t N>
static bool readNumbers(napi_env env, napi_callback_info info, Memory** memory, uint32_t (&numbers)[N]) {
  napi_value values[N];
  size_t count = N;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok || count < N) return false;
  *memory = static_cast<Memory*>(data);
  for (size_t index = 0; index < N; index++) {
    if (napi_get_value_uint32(env, values[index], &numbers[index]) != napi_ok) return false;
  }
  return true;
}

// Whether `count` pieces of `length` bytes, `stride` apart from `address` on, are aligned and lie in the memory.
static bool fits(const Memory& memory, uint32_t address, int64_t stride, uint32_t count, uint64_t length) {
  if (address % 4 != 0 || stride % 4 != 0 || count == 0 || length > memory.bytes) return false;
  const int64_t last = static_cast<int64_t>(address) + stride * (static_cast<int64_t>(count) - 1);
  const int64_t limit = static_cast<int64_t>(memory.bytes - length);
  return static_cast<int64_t>(address) <= limit && last >= 0 && last <= limit;
}

constexpr uint32_t kMostCount = 1 << 20;

// Checks a product and runs it. The numbers are those of `MultiplyBlocksParameters` in blocks.ts.
static napi_value multiplyBlocks(napi_env env, napi_callback_info info, bool isNarrow) {
  Memory* memory;
  uint32_t n[11];
  if (!readNumbers(env, info, &memory, n)) return refuse(env, "multiplyBlocks takes eleven numbers");
  const auto [rows, rowStride, rowCount, panels, panelStride, parts, count, blockLength, output, outputStride,
              isContinued] = n;
  const uint64_t rowBytes = (isNarrow ? 2 : 4) * kPanelColumns;
  const uint32_t panelCount = parts / 4 + (parts % 4 != 0);
  // Counts are bounded so that no product below leaves 64 bits.
  const bool isInside =
      count > 0 && count <= kMostCount && blockLength > 0 && blockLength <= kMostCount && rowCount <= kMostCount &&
      panelCount <= kMostCount && fits(*memory, rows, static_cast<int32_t>(rowStride), rowCount, uint64_t{4} * count) &&
      fits(*memory, panels, panelStride, panelCount, count * rowBytes) &&
      fits(*memory, output, static_cast<int32_t>(outputStride), rowCount, uint64_t{4} * kPanelColumns * panelCount);
  if (!isInside) return refuse(env, "a product is outside the memory");
  if (!isRoundingExact()) return refuse(env, "this thread does not round as binary32 asks");
  const Product product = {memory->base + rows,
                           static_cast<int32_t>(rowStride),
                           rowCount,
                           memory->base + panels,
                           panelStride,
                           panelCount,
                           count,
                           blockLength,
                           memory->base + output,
                           static_cast<int32_t>(outputStride),
                           isContinued != 0};
  (isNarrow ? memory->set->multiplyNarrow : memory->set->multiply)(product);
  return nullptr;
}

static napi_value multiplyWide(napi_env env, napi_callback_info info) { return multiplyBlocks(env, info, false); }
static napi_value multiplyNarrow(napi_env env, napi_callback_info info) { return multiplyBlocks(env, info, true); }

constexpr uint32_t kChunkWords = 256;
constexpr uint32_t kHashBytes = 32;

// Runs a table of jobs of three words each (address of words, how many, address of the hash) or two (address of a pair,
// address of the hash). Another thread might change the table, so what was checked is a copy.
static napi_value hashJobs(napi_env env, napi_callback_info info, bool areChunks) {
  Memory* memory;
  uint32_t n[2];
  if (!readNumbers(env, info, &memory, n)) return refuse(env, "hashing takes two numbers");
  const auto [table, count] = n;
  const uint32_t jobWords = areChunks ? 3 : 2;
  if (count == 0) return nullptr;
  if (!fits(*memory, table, 0, 1, uint64_t{4} * jobWords * count)) return refuse(env, "a table is outside the memory");
  const Hasher& hasher = memory->set->hasher;
  HashJob jobs[kMostLanes];
  alignas(64) static thread_local uint8_t padded[kMostLanes][4 * kChunkWords];
  for (uint32_t done = 0; done < count;) {
    const uint32_t left = count - done;
    const uint32_t size = left < hasher.lanes ? left : hasher.lanes;
    for (uint32_t lane = 0; lane < size; lane++) {
      uint32_t job[3] = {0, 0, 0};
      std::memcpy(job, memory->base + table + uint64_t{4} * jobWords * (done + lane), 4 * jobWords);
      const uint32_t words = areChunks ? job[1] : 2 * kHashBytes / 4;
      const uint32_t result = job[jobWords - 1];
      if (words == 0 || words > kChunkWords || !fits(*memory, job[0], 0, 1, uint64_t{4} * words) ||
          !fits(*memory, result, 0, 1, kHashBytes)) {
        return refuse(env, "a job is outside the memory");
      }
      jobs[lane] = {memory->base + job[0], memory->base + result};
      if (!areChunks || words == kChunkWords) continue;
      std::memcpy(padded[lane], jobs[lane].source, 4 * words);
      std::memset(padded[lane] + 4 * words, 0, 4 * (kChunkWords - words));
      jobs[lane].source = padded[lane];
    }
    // A lone job is done sooner by itself than in many lanes, two are not.
    if (size == 1) {
      (areChunks ? chunksPlain : pairsPlain)(jobs, 1);
    } else {
      (areChunks ? hasher.chunks : hasher.pairs)(jobs, size);
    }
    done += size;
  }
  return nullptr;
}

static napi_value chunks(napi_env env, napi_callback_info info) { return hashJobs(env, info, true); }
static napi_value pairs(napi_env env, napi_callback_info info) { return hashJobs(env, info, false); }

// The bytes under a view; whether it is a view of 8-bit words, all of a shared buffer. Others can be taken away while their
// bytes are used.
static bool readView(napi_env env, napi_value view, uint8_t** base, uint64_t* bytes) {
  napi_typedarray_type type;
  size_t length, offset;
  void* data;
  napi_value buffer;
  bool isUnshared;
  if (napi_get_typedarray_info(env, view, &type, &length, &data, &buffer, &offset) != napi_ok) return false;
  if (type != napi_uint8_array || offset != 0 || data == nullptr) return false;
  if (napi_is_arraybuffer(env, buffer, &isUnshared) != napi_ok || isUnshared) return false;
  *base = static_cast<uint8_t*>(data);
  *bytes = length;
  return true;
}

// Takes a view of the memory after it grew: the same bytes and more.
static napi_value refresh(napi_env env, napi_callback_info info) {
  napi_value view;
  size_t count = 1;
  void* data = nullptr;
  uint8_t* base;
  uint64_t bytes;
  if (napi_get_cb_info(env, info, &count, &view, nullptr, &data) != napi_ok || count < 1 ||
      !readView(env, view, &base, &bytes)) {
    return refuse(env, "refresh takes a Uint8Array of a whole shared memory");
  }
  Memory* memory = static_cast<Memory*>(data);
  if (base != memory->base || bytes < memory->bytes) return refuse(env, "this is another memory");
  napi_ref next;
  if (napi_create_reference(env, view, 1, &next) != napi_ok) return refuse(env, "the memory can't be held");
  napi_delete_reference(env, memory->view);
  memory->view = next;
  memory->bytes = bytes;
  return nullptr;
}

static void release(napi_env env, void* data, void*) {
  Memory* memory = static_cast<Memory*>(data);
  if (--memory->functions > 0) return;
  napi_delete_reference(env, memory->view);
  std::free(memory);
}

struct Method {
  const char* name;
  napi_callback call;
  bool multiplies;
};

static const Method kMethods[] = {
    {"refresh", refresh, false},
    {"chunks", chunks, false},
    {"pairs", pairs, false},
    {"multiplyBlocks", multiplyWide, true},
    {"multiplyBlocksNarrow", multiplyNarrow, true},
};

static const InstructionSet* findSet(napi_env env, napi_value name) {
  char text[16];
  size_t length;
  if (napi_get_value_string_utf8(env, name, text, sizeof text, &length) != napi_ok) return nullptr;
  for (int index = 0; index < kInstructionSetCount; index++) {
    const InstructionSet* set = kInstructionSets[index];
    if (std::strcmp(set->name, text) == 0 && set->isAvailable()) return set;
  }
  return nullptr;
}

// attach(view, set): the functions of an instruction set over a memory.
static napi_value attach(napi_env env, napi_callback_info info) {
  napi_value values[2];
  size_t count = 2;
  uint8_t* base;
  uint64_t bytes;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 2 ||
      !readView(env, values[0], &base, &bytes)) {
    return refuse(env, "attach takes a Uint8Array of a whole shared memory and an instruction set");
  }
  const InstructionSet* set = findSet(env, values[1]);
  if (set == nullptr) return refuse(env, "this processor has no such instruction set");
  napi_ref view;
  napi_value object;
  if (napi_create_reference(env, values[0], 1, &view) != napi_ok) return refuse(env, "the memory can't be held");
  Memory* memory = static_cast<Memory*>(std::malloc(sizeof(Memory)));
  if (memory == nullptr || napi_create_object(env, &object) != napi_ok) {
    std::free(memory);
    napi_delete_reference(env, view);
    return refuse(env, "there is no room for a handle");
  }
  // One for this function, until all others have theirs.
  *memory = {base, bytes, set, view, 1};
  bool isWhole = true;
  for (const Method& method : kMethods) {
    if (method.multiplies && set->multiply == nullptr) continue;
    napi_value function;
    isWhole = isWhole &&
              napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.call, memory, &function) == napi_ok &&
              napi_add_finalizer(env, function, memory, release, nullptr, nullptr) == napi_ok;
    if (!isWhole) break;
    memory->functions++;
    isWhole = napi_set_named_property(env, object, method.name, function) == napi_ok;
  }
  release(env, memory, nullptr);
  return isWhole ? object : refuse(env, "the functions can't be made");
}

static napi_value init(napi_env env, napi_value exports) {
  napi_value version, sets, function;
  napi_create_int32(env, LOCKSTEP_NATIVE_VERSION, &version);
  napi_set_named_property(env, exports, "version", version);
  napi_create_array(env, &sets);
  uint32_t count = 0;
  for (int index = 0; index < kInstructionSetCount; index++) {
    if (!kInstructionSets[index]->isAvailable()) continue;
    napi_value name;
    napi_create_string_utf8(env, kInstructionSets[index]->name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, sets, count++, name);
  }
  napi_set_named_property(env, exports, "sets", sets);
  napi_create_function(env, "attach", NAPI_AUTO_LENGTH, attach, nullptr, &function);
  napi_set_named_property(env, exports, "attach", function);
  return exports;
}

}  // namespace lockstep

// N-API finds these two by name; a module with them may be loaded by any number of threads.
extern "C" __attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1() { return 8; }

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  return lockstep::init(env, exports);
}
