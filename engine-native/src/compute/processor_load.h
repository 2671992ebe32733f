#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "platform/processor_times.h"

namespace flash {

/**
 * Whether threads that wait for one another by spinning have a processor each. Where one has not, all wait for it until
 * it is its turn again, and ours are faster: they take what is left of the work.
 */
class ProcessorLoad {
  public:
    using Clock = std::chrono::steady_clock;
    using Times = std::function<std::optional<ProcessorTimes>()>;

    explicit ProcessorLoad(Times times = processor_times, Clock::time_point now = Clock::now());

    /**
     * Whether other programs left so many processors to this one since it was asked last, or a moment ago. False where
     * that is not known.
     */
    bool leaves(unsigned threads, Clock::time_point now = Clock::now());

  private:
    Times times_;
    std::optional<ProcessorTimes> last_;
    Clock::time_point at_;  // when that was
    bool enough_ = false;
};

}  // namespace flash
