#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "platform/memory.h"

namespace flash {

uint8_t* allocate_aligned(uint64_t size, uint64_t alignment) {
    return static_cast<uint8_t*>(std::aligned_alloc(alignment, size));
}

void free_aligned(uint8_t* memory) { std::free(memory); }

void prefer_large_pages(uint8_t* memory, uint64_t size, bool large) {
#if defined(MADV_HUGEPAGE) && defined(MADV_NOHUGEPAGE)
    madvise(memory, size, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
    static_cast<void>(memory), static_cast<void>(size), static_cast<void>(large);
#endif
}

constexpr int kReadWrite = PROT_READ | PROT_WRITE;
constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

AddressRange::AddressRange(uint64_t size, bool guarded) : guarded_(guarded) {
    void* memory = mmap(nullptr, size, guarded ? PROT_NONE : kReadWrite, kPrivate, -1, 0);
    if (memory == MAP_FAILED) return;
    data_ = static_cast<uint8_t*>(memory);
    size_ = size;
}

AddressRange::~AddressRange() {
    if (data_ != nullptr) munmap(data_, size_);
}

bool AddressRange::open(uint8_t* begin, uint64_t size) const {
    if (!guarded_) return true;
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto from = reinterpret_cast<uintptr_t>(begin) & ~(page - 1);
    return mprotect(reinterpret_cast<void*>(from), reinterpret_cast<uintptr_t>(begin) + size - from, kReadWrite) == 0;
}

void AddressRange::give_back(uint8_t* begin, uint64_t size) const {
#ifdef __APPLE__
    // There MADV_DONTNEED leaves the memory with the process.
    mmap(begin, size, guarded_ ? PROT_NONE : kReadWrite, kPrivate | MAP_FIXED, -1, 0);
#else
    madvise(begin, size, MADV_DONTNEED);
#endif
}

}  // namespace flash
