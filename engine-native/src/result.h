#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "flash.h"

namespace flash {

/** Why something failed: the status for the caller's decision, the message for a person. */
struct Error {
    flash_status status;
    std::string message;
};

/** A value or an error. Nothing in this library throws by design; see backend.cpp for what the allocator may. */
template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::move(value)) {}
    Result(Error error) : content_(std::move(error)) {}

    explicit operator bool() const { return std::holds_alternative<T>(content_); }
    T& operator*() { return std::get<T>(content_); }
    const T& operator*() const { return std::get<T>(content_); }
    T* operator->() { return &std::get<T>(content_); }
    const T* operator->() const { return &std::get<T>(content_); }
    const Error& error() const { return std::get<Error>(content_); }

  private:
    std::variant<T, Error> content_;
};

/** Sum of sizes or offsets that may come from a file; false when it does not fit. */
inline bool checked_add(uint64_t a, uint64_t b, uint64_t& sum) {
    sum = a + b;
    return sum >= a;
}

/** Smallest multiple of `alignment` (a power of two) that is not below `value`. */
inline uint64_t align_up(uint64_t value, uint64_t alignment) { return (value + alignment - 1) & ~(alignment - 1); }
inline uint64_t align_down(uint64_t value, uint64_t alignment) { return value & ~(alignment - 1); }

}  // namespace flash
