#pragma once

#include <cstdint>
#include <utility>

namespace flash {

/** Memory that begins at a multiple of `alignment` (a power of two, of which `size` is one too); null without any. */
uint8_t* allocate_aligned(uint64_t size, uint64_t alignment);
void free_aligned(uint8_t* memory);

/** Asks for large pages, or for small ones. Only a wish, and not known to every system. */
void prefer_large_pages(uint8_t* memory, uint64_t size, bool large);

/** Addresses, of which parts are given memory and lose it again. */
class AddressRange {
  public:
    AddressRange() = default;
    /**
     * Size 0 where there are no addresses to be had.
     * @param guarded what was not opened may never be touched; else the system is free to fill pages as they are
     */
    AddressRange(uint64_t size, bool guarded);
    ~AddressRange();
    AddressRange(AddressRange&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), guarded_(other.guarded_) {}
    AddressRange& operator=(AddressRange&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(guarded_, other.guarded_);
        return *this;
    }

    uint8_t* data() const { return data_; }
    uint64_t size() const { return size_; }

    /** Lets a part be touched. What was touched before keeps its content. @return false where memory is short */
    bool open(uint8_t* begin, uint64_t size) const;
    /** Gives back the memory of whole pages: it has to be opened anew, and has any content then. */
    void give_back(uint8_t* begin, uint64_t size) const;

  private:
    uint8_t* data_ = nullptr;
    uint64_t size_ = 0;
    bool guarded_ = false;
};

}  // namespace flash
