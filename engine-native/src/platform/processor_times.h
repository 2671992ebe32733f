#pragma once

#include <optional>

namespace flash {

/** How long processors have worked, in seconds of one of them. */
struct ProcessorTimes {
    double busy;          // those that the calling thread may use, for any program that does not yield to others
    double own;           // for this process
    unsigned processors;  // that the calling thread may use
};

/** Since some moment that stays the same. Nothing where the system does not tell. */
std::optional<ProcessorTimes> processor_times();

}  // namespace flash
