#pragma once

#ifdef __linux__

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "harness.h"

namespace flint {

/** As long as it lives, direct reads can be held: see held_reads.cpp. Queues made meanwhile have no io_uring. */
class HeldReads {
  public:
    HeldReads() { CHECK(setenv("FLINT_HELD_READS", pipe_.c_str(), 1) == 0); }
    ~HeldReads() {
        release();
        unsetenv("FLINT_HELD_READS");
    }
    HeldReads(const HeldReads&) = delete;
    HeldReads& operator=(const HeldReads&) = delete;

    /** From now on no direct read ends. */
    void hold() { CHECK(mkfifo(pipe_.c_str(), 0600) == 0); }
    void release() {
        // To open it for reading and writing waits for nobody, and wakes all who wait for a writer.
        const int file = ::open(pipe_.c_str(), O_RDWR | O_CLOEXEC);
        ::unlink(pipe_.c_str());
        if (file >= 0) ::close(file);
    }

  private:
    const std::string pipe_ = scratch_folder() + "/held";
};

}  // namespace flint

#endif
