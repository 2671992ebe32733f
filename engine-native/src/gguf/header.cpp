#include "gguf/header.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>

#include "ggml.h"
#include "gguf.h"
#include "platform/files.h"

namespace flash {
namespace {

/** Ten times the largest vocabulary there is. */
constexpr uint64_t kLongestHeader = 64ULL << 20;
constexpr uint64_t kMostValues = 1ULL << 13;
constexpr uint64_t kLongestName = 65'535;
/** Larger than any file has (the usual is 32 bytes): ggml fills headers up to a multiple of it. */
constexpr uint32_t kLargestAlignment = 1U << 20;
/** Far beyond any file, small enough for a product with 8. */
constexpr uint64_t kLargestFile = 1ULL << 50;

struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

uint64_t at_most(const char* what, uint64_t value, uint64_t most) {
    if (value <= most) return value;
    throw Fault(std::string(what) + " is " + std::to_string(value) + ", more than " + std::to_string(most));
}

class Cursor {
  public:
    Cursor(const std::string& path, uint64_t file_bytes)
        : file_(native_path(path), std::ios::binary), file_bytes_(file_bytes) {}

    template <typename T>
    T number() {
        std::array<char, sizeof(T)> bytes;
        take(bytes.data(), bytes.size());
        T value = 0;
        for (size_t i = bytes.size(); i-- > 0;) value = static_cast<T>(value << 8 | static_cast<uint8_t>(bytes[i]));
        return value;
    }

    uint64_t number(const char* what, uint64_t most) { return at_most(what, number<uint64_t>(), most); }

    /** Passes over `count` values of `size` bytes; `count` is no more than a header may have bytes. */
    void skip(uint64_t count, uint64_t size = 1) {
        advance(count * size);
        // What is near lies in the stream's buffer, which seeking would empty.
        constexpr uint64_t kNear = 4096;
        if (count * size <= kNear) {
            file_.ignore(static_cast<std::streamsize>(count * size));
        } else {
            file_.seekg(static_cast<std::streamoff>(count * size), std::ios::cur);
        }
    }

    std::string name() {
        std::string name(number("the length of a name", kLongestName), '\0');
        take(name.data(), name.size());
        // ggml keeps it whole, and compares it up to there.
        if (name.empty() || name.find('\0') != std::string::npos)
            throw Fault("a name in it is empty or has a zero byte");
        return name;
    }

    /** @param what is said of a length that is too much */
    void text(const char* what, uint64_t most) { skip(number(what, most)); }

    /** From the beginning of the file, in bytes. */
    uint64_t position() const { return position_; }

    void value(uint32_t type) {
        if (type == GGUF_TYPE_STRING) {
            text("the length of a value", kLongestHeader);
        } else if (type == GGUF_TYPE_ARRAY) {
            array(number<uint32_t>());
        } else {
            skip(1, size_of(type));
        }
    }

  private:
    void array(uint32_t type) {
        const bool texts = type == GGUF_TYPE_STRING;
        // Each text begins with its length.
        const uint64_t least = texts ? sizeof(uint64_t) : size_of(type);
        const uint64_t count = number("the length of an array", kLongestHeader / least);
        at_most("the end of an array", position_ + count * least, file_bytes_);
        if (!texts) return skip(count, least);
        for (uint64_t i = 0; i < count; i++) text("the length of a value", kLongestHeader);
    }

    static uint64_t size_of(uint32_t type) {
        constexpr std::array<uint8_t, GGUF_TYPE_COUNT> kSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
        if (type < kSizes.size() && kSizes[type] > 0) return kSizes[type];
        throw Fault("it has a value of the unknown type " + std::to_string(type));
    }

    void take(char* bytes, uint64_t count) {
        advance(count);
        if (!file_.read(bytes, static_cast<std::streamsize>(count))) throw Fault("it cannot be read");
    }

    void advance(uint64_t bytes) {
        position_ += bytes;
        if (position_ > file_bytes_)
            throw Fault("it ends within its header, after " + std::to_string(file_bytes_) + " bytes");
        if (position_ > kLongestHeader) throw Fault("its header is longer than 64 MiB");
    }

    std::ifstream file_;
    uint64_t file_bytes_;
    uint64_t position_ = 0;
};

void check_tensor(Cursor& cursor, uint64_t file_bytes) {
    cursor.text("the length of a tensor's name", GGML_MAX_NAME - 1);
    const auto dimensions = cursor.number<uint32_t>();
    if (dimensions > GGML_MAX_DIMS) throw Fault("a tensor has " + std::to_string(dimensions) + " dimensions");
    // No type takes less than a bit for an element.
    const uint64_t most = 8 * std::min(file_bytes, kLargestFile);
    uint64_t elements = 1;
    uint64_t width = 1;
    for (uint32_t i = 0; i < dimensions; i++) {
        const uint64_t size = cursor.number<uint64_t>();
        if (size == 0 || size > most / elements) throw Fault("a tensor's shape does not fit the file");
        elements *= size;
        if (i == 0) width = size;
    }
    const auto type = cursor.number<uint32_t>();
    const int64_t block = type < GGML_TYPE_COUNT ? ggml_blck_size(static_cast<ggml_type>(type)) : 0;
    if (block <= 0) throw Fault("a tensor has the unknown type " + std::to_string(type));
    if (width % static_cast<uint64_t>(block) != 0) throw Fault("a tensor's rows are no whole blocks of its type");
    cursor.number("a tensor's offset", file_bytes);
}

/** Passes over a header up to its tensors. @return how many of those it has */
uint64_t pass_values(Cursor& cursor, const std::function<void(HeaderValue value)>& take) {
    cursor.skip(sizeof(uint32_t));  // the magic
    const auto version = cursor.number<uint32_t>();
    if (version != 2 && version != GGUF_VERSION) {
        throw Fault("it has version " + std::to_string(version) + " of the format, not 2 or 3");
    }
    const uint64_t tensors = cursor.number("the number of tensors", kMostTensors);
    const uint64_t values = cursor.number("the number of values", kMostValues);
    for (uint64_t i = 0; i < values; i++) {
        const uint64_t begin = cursor.position();
        std::string name = cursor.name();
        const auto type = cursor.number<uint32_t>();
        if (name == "general.alignment" && type == GGUF_TYPE_UINT32)
            at_most("the alignment", cursor.number<uint32_t>(), kLargestAlignment);
        else
            cursor.value(type);
        take({std::move(name), {begin, cursor.position() - begin}});
    }
    return tensors;
}

}  // namespace

std::optional<std::string> header_fault(const std::string& path, uint64_t file_bytes) {
    try {
        Cursor cursor(path, file_bytes);
        const uint64_t tensors = pass_values(cursor, [](const HeaderValue&) {});
        for (uint64_t i = 0; i < tensors; i++) check_tensor(cursor, file_bytes);
        return std::nullopt;
    } catch (const Fault& fault) {
        return fault.what();
    }
}

std::optional<std::vector<HeaderValue>> header_values(const std::string& path) {
    try {
        std::error_code unknown;
        Cursor cursor(path, std::filesystem::file_size(native_path(path), unknown));
        std::vector<HeaderValue> values;
        pass_values(cursor, [&](HeaderValue value) { values.push_back(std::move(value)); });
        return values;
    } catch (const Fault&) {
        return std::nullopt;
    }
}

}  // namespace flash
