#include "compute/processor_load.h"

namespace flash {
namespace {

/** Systems count in ticks of 10 ms or more: a shorter window is no measure. */
constexpr std::chrono::milliseconds kWindow(200);
/** Processors that others may use of those that are needed: it costs less than to change. */
constexpr double kMost = 0.3;
constexpr double kMostToBegin = 0.15;

}  // namespace

ProcessorLoad::ProcessorLoad(Times times, Clock::time_point now)
    : times_(std::move(times)), last_(times_()), at_(now) {}

bool ProcessorLoad::leaves(unsigned threads, Clock::time_point now) {
    if (now - at_ < kWindow) return enough_;
    const std::optional<ProcessorTimes> times = times_();
    const double seconds = std::chrono::duration<double>(now - at_).count();
    if (times && last_) {
        const double others = (times->busy - last_->busy - (times->own - last_->own)) / seconds;
        const double spare = static_cast<double>(times->processors) - static_cast<double>(threads);
        enough_ = others <= spare + (enough_ ? kMost : kMostToBegin);
    } else {
        enough_ = false;
    }
    last_ = times;
    at_ = now;
    return enough_;
}

}  // namespace flash
