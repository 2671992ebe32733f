// flint-read-bench FILE: what each way of reading gives, and what processor time it takes.

#ifdef _WIN32
#include <windows.h>
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "reader/read_queue.h"

namespace {

using flash::AlignedBuffer;
using flash::Reader;
using flash::ReadQueue;
using flash::ReadRequest;

constexpr uint64_t kFileBytes = 2ULL << 30;  // of the file, at most
constexpr size_t kRooms = 64;

double processor_seconds() {
#ifdef _WIN32  // whose std::clock is the time of the day
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    const auto seconds = [](const FILETIME& time) {
        return 1e-7 * static_cast<double>(uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime);
    };
    return seconds(kernel) + seconds(user);
#else
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
#endif
}

/** Reads the beginning of the file from start to end, `size` bytes at a time. */
void measure(const Reader& reader, const char* name, ReadQueue::Method method, uint64_t size) {
    const uint64_t room = Reader::room_bytes(size);
    const AlignedBuffer memory(kRooms * room);
    std::memset(memory.data(), 1, memory.size());  // its pages are made now
    std::vector<ReadRequest> requests(kRooms);
    uint64_t bytes = 0;
    const double processor = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    ReadQueue queue(method);
    const auto wait = [&](ReadRequest& request) {
        if (queue.wait(request, [] { return false; }) == ReadRequest::State::Done) bytes += request.size;
        const bool failed = request.state == ReadRequest::State::Failed;
        request.state = ReadRequest::State::Idle;
        return !failed;
    };
    for (uint64_t i = 0; i * size < kFileBytes; i++) {
        ReadRequest& request = requests[i % kRooms];
        if (i >= kRooms && !wait(request)) break;
        request.file = &reader;
        request.offset = i * size;
        request.size = size;
        request.room = memory.part(i % kRooms * room, room);
        queue.submit(request);
    }
    for (ReadRequest& request : requests) {
        if (request.state != ReadRequest::State::Idle) wait(request);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double gigabytes = static_cast<double>(bytes) / 1e9;
    std::printf("%-10s %6.2f MB at a time: %6.2f GB/s, %5.0f ms of processor time a GB\n", name,
                static_cast<double>(size) / 1e6, gigabytes / seconds,
                1000 * (processor_seconds() - processor) / gigabytes);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: flint-read-bench FILE\n");
        return 2;
    }
    const auto reader = Reader::open(argv[1]);
    if (!reader) {
        std::fprintf(stderr, "%s\n", reader.error().message.c_str());
        return 5;
    }
    constexpr int kRounds = 3;
    for (int round = 0; round < kRounds; round++) {
        for (const uint64_t size :
             {uint64_t{96} << 10, uint64_t{256} << 10, uint64_t{512} << 10, uint64_t{1000} << 10, uint64_t{4} << 20}) {
            measure(*reader, "threads", ReadQueue::Method::Threads, size);
            measure(*reader, "best", ReadQueue::Method::Best, size);
        }
    }
    return 0;
}
