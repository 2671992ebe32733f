#include <malloc.h>
#include <windows.h>

#include "platform/memory.h"

namespace flash {

uint8_t* allocate_aligned(uint64_t size, uint64_t alignment) {
    return static_cast<uint8_t*>(_aligned_malloc(size, alignment));
}

void free_aligned(uint8_t* memory) { _aligned_free(memory); }

// Large pages take a right that people do not have as a rule.
void prefer_large_pages(uint8_t*, uint64_t, bool) {}

// Memory is never given by touching it.
AddressRange::AddressRange(uint64_t size, bool guarded) : guarded_(guarded) {
    data_ = static_cast<uint8_t*>(VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS));
    if (data_ != nullptr) size_ = size;
}

AddressRange::~AddressRange() {
    if (data_ != nullptr) VirtualFree(data_, 0, MEM_RELEASE);
}

bool AddressRange::open(uint8_t* begin, uint64_t size) const {
    return VirtualAlloc(begin, size, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}

void AddressRange::give_back(uint8_t* begin, uint64_t size) const { VirtualFree(begin, size, MEM_DECOMMIT); }

}  // namespace flash
