// Direct reads at any offset, at the end of a file and beyond it.

#include "reader/reader.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "held_reads.h"
#include "platform/files.h"
#include "random.h"
#include "reader/read_queue.h"
#include "tests.h"

namespace flint {
namespace {

using flash::AlignedBuffer;
using flash::Reader;
using flash::ReadQueue;

constexpr uint64_t kFileBytes = 100'001;  // not a whole number of any blocks

uint8_t byte_at(uint64_t offset) { return static_cast<uint8_t>(offset * 31 + offset / 251); }

std::string write_pattern(const std::string& name, uint64_t size = kFileBytes) {
    const std::string path = scratch_folder() + "/" + name;
    std::vector<uint8_t> bytes(size);
    for (uint64_t i = 0; i < size; i++) bytes[i] = byte_at(i);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
    CHECK(file != nullptr);
    CHECK_EQUAL(std::fwrite(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
    return path;
}

Reader open(const std::string& path) {
    flash::Result<Reader> reader = Reader::open(path);
    CHECK(static_cast<bool>(reader));
    return std::move(*reader);
}

void check_bytes(const uint8_t* data, uint64_t offset, uint64_t size) {
    for (uint64_t i = 0; i < size; i++) {
        if (data[i] != byte_at(offset + i)) {
            throw std::runtime_error("wrong byte " + std::to_string(i) + " of a read of " + std::to_string(size) +
                                     " at " + std::to_string(offset));
        }
    }
}

void reads_anywhere() {
    const Reader reader = open(write_pattern("anywhere"));
    for (const uint64_t offset : {0, 1, 511, 512, 513, 4095, 4096, 4097, 8192, 65535, 98304, 99'999, 100'000}) {
        for (const uint64_t size : {1, 2, 511, 512, 4095, 4096, 4097, 20'000, 100'001}) {
            const uint64_t count = std::min(size, kFileBytes - offset);
            const AlignedBuffer buffer(Reader::room_bytes(count));
            const auto data = reader.read(offset, count, buffer);
            CHECK(static_cast<bool>(data));
            CHECK(*data >= buffer.data() && *data + count <= buffer.data() + buffer.size());
            check_bytes(*data, offset, count);
        }
    }
}

void check_fails(const Reader& reader, uint64_t offset, uint64_t size, const std::string& words) {
    const AlignedBuffer buffer(Reader::room_bytes(size));
    const auto data = reader.read(offset, size, buffer);
    CHECK(!data);
    CHECK_EQUAL(data.error().status, FLASH_READ_FAILED);
    CHECK(data.error().message.find(words) != std::string::npos);
}

void fails_beyond_the_end() {
    const std::string path = write_pattern("end");
    const Reader reader = open(path);
    check_fails(reader, kFileBytes - 1, 2, path);
    check_fails(reader, kFileBytes, 1, path);
    check_fails(reader, kFileBytes + 10'000, 1, path);
    check_fails(reader, 0, kFileBytes + 1, path);
}

void fails_when_the_file_shrinks() {
    const std::string path = write_pattern("shrinks");
    const Reader reader = open(path);
    const AlignedBuffer buffer(Reader::room_bytes(kFileBytes));
    CHECK(static_cast<bool>(reader.read(0, kFileBytes, buffer)));
    std::filesystem::resize_file(path, 50'000);
    check_fails(reader, 0, kFileBytes, path);
    check_fails(reader, 49'999, 2, path);
    CHECK(static_cast<bool>(reader.read(0, 50'000, buffer)));
}

void fails_in_a_room_too_small() {
    const Reader reader = open(write_pattern("room"));
    const AlignedBuffer buffer(flash::kReadAlignment);
    CHECK(static_cast<bool>(reader.read(0, 4096, buffer)));
    CHECK(!reader.read(1, 4096, buffer));
    CHECK(!reader.read(0, 4097, buffer));
}

void opens_only_files() {
    const flash::Result<Reader> missing = Reader::open(scratch_folder() + "/missing");
    CHECK(!missing);
    CHECK_EQUAL(missing.error().status, FLASH_READ_FAILED);
    CHECK(missing.error().message.find("missing") != std::string::npos);
}

void moves() {
    Reader first = open(write_pattern("moves"));
    Reader second = std::move(first);
    first = open(write_pattern("moves, too"));
    std::swap(first, second);
    for (const Reader* reader : {&first, &second}) {
        const AlignedBuffer buffer(Reader::room_bytes(100));
        const auto data = reader->read(77, 100, buffer);
        CHECK(static_cast<bool>(data));
        check_bytes(*data, 77, 100);
    }
}

void opens_any_name() {
    // Longer than Windows takes a path without being told, and of letters that no code page has together.
    const std::string folder = scratch_folder() + "/" + std::string(200, 'f');
    std::filesystem::create_directories(flash::native_path(folder));
    for (const char* name : {"\xC3\xA4\xD0\xB6\xE6\xBC\xA2 \xF0\x9F\x94\xA5", "b"}) {
        const std::string path = folder + "/" + name + std::string(60, 'n');
        const flash::FileStream file = flash::open_file(path, "wb");
        CHECK(file != nullptr);
        std::fputs("here", file.get());
        CHECK(std::fflush(file.get()) == 0 && flash::sync_file(file.get()));
        const AlignedBuffer buffer(Reader::room_bytes(4));
        const auto data = open(path).read(0, 4, buffer);
        CHECK(static_cast<bool>(data));
        CHECK(std::memcmp(*data, "here", 4) == 0);
    }
}

void reads_beyond_4_gib() {
    const std::string path = scratch_folder() + "/holes";
    constexpr uint64_t kBytes = (5ULL << 30) + 9;
    {
        const flash::FileStream file = flash::open_file(path, "wb");
        flash::allow_holes(file.get());
        CHECK(flash::resize_file(file.get(), kBytes));
    }
    CHECK_EQUAL(std::filesystem::file_size(flash::native_path(path)), kBytes);
    const Reader reader = open(path);
    const AlignedBuffer buffer(Reader::room_bytes(100));
    CHECK(static_cast<bool>(reader.read(kBytes - 100, 100, buffer)));
    check_fails(reader, kBytes - 99, 100, path);
    std::filesystem::remove(flash::native_path(path));
}

/** A request with room of its own. */
struct OwnedRequest {
    OwnedRequest(const Reader& reader, uint64_t offset, uint64_t size) : buffer(Reader::room_bytes(size)) {
        request.file = &reader;
        request.offset = offset;
        request.size = size;
        request.room = buffer;
    }
    AlignedBuffer buffer;
    flash::ReadRequest request;
};

const auto kNever = [] { return false; };

void queue_reads_all(ReadQueue::Method method) {
    const Reader reader = open(write_pattern("queue"));
    std::vector<std::unique_ptr<OwnedRequest>> requests;
    const uint64_t busy = ReadQueue::busy_nanoseconds();
    const auto start = std::chrono::steady_clock::now();
    ReadQueue queue(method);
    for (uint64_t i = 0; i < 300; i++) {
        requests.push_back(std::make_unique<OwnedRequest>(reader, i * 331, 1 + i));
        queue.submit(requests.back()->request);
    }
    for (uint64_t i = 0; i < 300; i++) {
        flash::ReadRequest& request = requests[i]->request;
        CHECK(queue.wait(request, kNever) == flash::ReadRequest::State::Done);
        check_bytes(request.data, i * 331, 1 + i);
    }
    // However many were under way at a time.
    const std::chrono::nanoseconds elapsed = std::chrono::steady_clock::now() - start;
    CHECK(ReadQueue::busy_nanoseconds() > busy);
    CHECK(ReadQueue::busy_nanoseconds() - busy <= static_cast<uint64_t>(elapsed.count()));
}

void queue_tells_failures(ReadQueue::Method method) {
    const Reader reader = open(write_pattern("queue fails"));
    ReadQueue queue(method);
    OwnedRequest bad(reader, kFileBytes, 1);
    OwnedRequest good(reader, 0, 10);
    queue.submit(bad.request);
    queue.submit(good.request);
    CHECK(queue.wait(bad.request, kNever) == flash::ReadRequest::State::Failed);
    CHECK(bad.request.error.find("queue fails") != std::string::npos);
    CHECK(queue.wait(good.request, kNever) == flash::ReadRequest::State::Done);
}

void queue_withdraws(ReadQueue::Method method) {
    const Reader reader = open(write_pattern("queue withdraws"));
    std::vector<std::unique_ptr<OwnedRequest>> requests;
    ReadQueue queue(method);
    for (uint64_t i = 0; i < 100; i++) {
        requests.push_back(std::make_unique<OwnedRequest>(reader, 0, kFileBytes));
        queue.submit(requests.back()->request);
    }
    for (const auto& owned : requests) {
        queue.withdraw(owned->request);
        CHECK(owned->request.state == flash::ReadRequest::State::Idle);
    }
    // What was withdrawn may be used again.
    queue.submit(requests.front()->request);
    CHECK(queue.wait(requests.front()->request, kNever) == flash::ReadRequest::State::Done);
    check_bytes(requests.front()->request.data, 0, kFileBytes);
}

/** What is cancelled before, while or after it runs is whole when it is resumed, whatever is there already. */
void queue_resumes(ReadQueue::Method method) {
    constexpr uint64_t kSize = 5 * ReadQueue::kPieceBytes + 99;
    const Reader reader = open(write_pattern("queue resumes", kSize));
    ReadQueue queue(method, 1);  // one piece at a time
    OwnedRequest before(reader, 0, kSize);
    OwnedRequest owned(reader, 1, kSize - 1);
    for (int i = 0; i < 60; i++) {
        std::memset(owned.buffer.data(), 0, owned.buffer.size());
        if (i % 3 == 0) queue.submit(before.request);
        queue.submit(owned.request);
        for (int wait = 0; wait < i % 20; wait++) std::this_thread::yield();
        queue.cancel(owned.request);
        if (i % 2 == 0) queue.resume(owned.request);
        for (int wait = 0; wait < i % 7; wait++) std::this_thread::yield();
        queue.resume(owned.request);
        CHECK(queue.wait(owned.request, kNever) == flash::ReadRequest::State::Done);
        check_bytes(owned.request.data, 1, kSize - 1);
        queue.resume(owned.request);  // nothing is left of it
        CHECK(queue.withdraw(owned.request) == flash::ReadRequest::State::Done);
        queue.withdraw(before.request);
    }
}

/** Whatever is in which lane, and whoever changes his mind: each that is waited for is whole. */
void queue_mixes_lanes(ReadQueue::Method method) {
    constexpr uint64_t kSize = 2 * ReadQueue::kPieceBytes + 77;
    const Reader reader = open(write_pattern("queue mixes lanes", kSize));
    Random random(3);
    std::vector<std::unique_ptr<OwnedRequest>> requests;
    ReadQueue queue(method);
    for (uint64_t i = 0; i < 40; i++) requests.push_back(std::make_unique<OwnedRequest>(reader, i, kSize - i));
    for (int round = 0; round < 20; round++) {
        for (const auto& owned : requests) {
            std::memset(owned->buffer.data(), 0, owned->buffer.size());
            const bool awaited = random.below(3) == 0;
            queue.submit(owned->request, awaited ? ReadQueue::Lane::Awaited : ReadQueue::Lane::Background);
        }
        for (int change = 0; change < 40; change++) {
            flash::ReadRequest& request = requests[random.below(requests.size())]->request;
            if (random.below(2) == 0) queue.cancel(request);
            random.below(2) == 0 ? queue.promote(request) : queue.resume(request);
        }
        for (uint64_t i = 0; i < requests.size(); i++) {
            queue.resume(requests[i]->request);
            CHECK(queue.wait(requests[i]->request, kNever) == flash::ReadRequest::State::Done);
            check_bytes(requests[i]->request.data, i, kSize - i);
            CHECK(queue.withdraw(requests[i]->request) == flash::ReadRequest::State::Done);
        }
    }
}

#ifdef __linux__
void queue_reads_what_is_awaited_first() {
    const Reader reader = open(write_pattern("queue lanes"));
    std::vector<std::unique_ptr<OwnedRequest>> requests;
    for (uint64_t i = 0; i < 40; i++) requests.push_back(std::make_unique<OwnedRequest>(reader, i, 100));
    ReadQueue queue(ReadQueue::Method::Threads);
    HeldReads reads;  // the last: what is held is released first, also when a check fails
    reads.hold();
    const auto is_queued = [&](size_t i) {
        return queue.state(requests[i]->request) == flash::ReadRequest::State::Queued;
    };
    const auto wait_until_begun = [&](size_t i) {
        while (is_queued(i)) std::this_thread::yield();
    };
    const auto submit = [&](size_t i, ReadQueue::Lane lane) { queue.submit(requests[i]->request, lane); };
    for (size_t i = 0; i < 20; i++) submit(i, ReadQueue::Lane::Background);
    wait_until_begun(0);
    for (size_t i = 20; i < 23; i++) submit(i, ReadQueue::Lane::Awaited);
    for (size_t i = 20; i < 23; i++) wait_until_begun(i);
    queue.promote(requests[10]->request);
    wait_until_begun(10);
    // Only where reads past the page cache are to be had are they held.
    for (size_t i = 1; i < 20 && reader.direct(); i++) CHECK(is_queued(i) == (i != 10));
    reads.release();
    for (size_t i = 0; i < 23; i++) {
        CHECK(queue.wait(requests[i]->request, kNever) == flash::ReadRequest::State::Done);
        check_bytes(requests[i]->request.data, i, 100);
    }
}
#endif

void queue_ends_with_work_left(ReadQueue::Method method) {
    const Reader reader = open(write_pattern("queue ends"));
    std::vector<std::unique_ptr<OwnedRequest>> requests;
    ReadQueue queue(method);
    for (uint64_t i = 0; i < 100; i++) {
        requests.push_back(std::make_unique<OwnedRequest>(reader, 0, kFileBytes));
        queue.submit(requests.back()->request);
    }
}

}  // namespace

TestCases reader_tests() {
    return {
        {"reader: reads at any offset, to the last byte", reads_anywhere},
        {"reader: fails beyond the end of the file", fails_beyond_the_end},
        {"reader: fails when the file shrinks", fails_when_the_file_shrinks},
        {"reader: fails in a room that is too small", fails_in_a_room_too_small},
        {"reader: fails to open what is missing", opens_only_files},
        {"reader: opens a file of any name", opens_any_name},
        {"reader: reads beyond 4 GiB", reads_beyond_4_gib},
        {"reader: can be moved", moves},
        {"queue: reads all that is submitted", [] { queue_reads_all(ReadQueue::Method::Best); }},
        {"queue of threads: reads all that is submitted", [] { queue_reads_all(ReadQueue::Method::Threads); }},
        {"queue: tells which read failed", [] { queue_tells_failures(ReadQueue::Method::Best); }},
        {"queue of threads: tells which read failed", [] { queue_tells_failures(ReadQueue::Method::Threads); }},
        {"queue: what is withdrawn is idle", [] { queue_withdraws(ReadQueue::Method::Best); }},
        {"queue of threads: what is withdrawn is idle", [] { queue_withdraws(ReadQueue::Method::Threads); }},
        {"queue: what is resumed is whole", [] { queue_resumes(ReadQueue::Method::Best); }},
        {"queue of threads: what is resumed is whole", [] { queue_resumes(ReadQueue::Method::Threads); }},
        {"queue: whatever the lane, all is whole", [] { queue_mixes_lanes(ReadQueue::Method::Best); }},
        {"queue of threads: whatever the lane, all is whole", [] { queue_mixes_lanes(ReadQueue::Method::Threads); }},
#ifdef __linux__
        {"queue of threads: what is awaited comes before the background", queue_reads_what_is_awaited_first},
#endif
        {"queue: ends with work left", [] { queue_ends_with_work_left(ReadQueue::Method::Best); }},
        {"queue of threads: ends with work left", [] { queue_ends_with_work_left(ReadQueue::Method::Threads); }},
    };
}

}  // namespace flint
