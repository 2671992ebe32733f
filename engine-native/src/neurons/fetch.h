#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan/neuron_budget.h"
#include "reader/read_queue.h"

namespace flash {

/** Some neurons that are read at once, with what lies between them. */
struct Run {
    uint32_t first;   // index into the list of neurons to read
    uint32_t count;   // of that list
    uint64_t offset;  // bytes from the start of the file
    uint64_t size;    // bytes
};

/** A part of each neuron's bundle: what is to be read. */
struct Part {
    uint64_t base;    // offset of this part of neuron 0, bytes from the start of the file
    uint64_t stride;  // from neuron to neuron, bytes
    uint64_t size;    // bytes
};

/** Runs over ascending `neurons`: those with at most `gap` bytes between them are read together. */
std::vector<Run> runs_of(const std::vector<uint32_t>& neurons, const Part& part, uint64_t gap);

/**
 * The bytes that are worth reading through rather than beginning another read: what this disk reads in the time that a
 * small read takes beyond its bytes. Reads a few megabytes of the file. Fails with FLASH_READ_FAILED.
 */
Result<uint64_t> measure_gap(const Reader& reader, uint64_t file_bytes);

/** Reads runs, several in flight, into rooms that are taken in turn. */
class Fetch {
  public:
    explicit Fetch(const Reader& reader);
    ~Fetch();
    bool ready() const { return memory_.size() >= neuron_fetch_bytes(); }

    /**
     * Starts reading new runs. Earlier ones must have been released or cancelled; waits for cancelled reads that still
     * run. Keeps a reference to `runs` until the next start. False if `stop` returns true before those have ended.
     */
    bool start(const std::vector<Run>& runs, const Stop& stop);
    /** Waits for a run, in order; null if `stop` returned true, or if the read failed: then error() has the reason. */
    const uint8_t* wait(size_t run, const Stop& stop);
    /** Frees the rooms of the runs before `run`: the next reads may begin. */
    void release(size_t run);
    /** Begins no more reads. Those that run may go on for as long as the disk takes. */
    void cancel();
    const std::string& error() const { return error_; }

  private:
    void submit();

    const Reader& reader_;
    AlignedBuffer memory_;
    std::vector<ReadRequest> requests_;
    const std::vector<Run>* runs_ = nullptr;
    size_t submitted_ = 0;
    size_t released_ = 0;
    bool cancelled_ = false;  // and some may still run
    std::string error_;
    ReadQueue queue_;  // last: its threads end before what they read into
};

}  // namespace flash
