#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "reader/read_queue.h"

namespace flash {

/** Takes turns at something: computations one at a time, and while none wants it, work in the background. */
class ComputeLock {
  public:
    /** A turn, as long as it lives, unless it was not given. */
    class Turn {
      public:
        Turn() = default;
        Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
        ~Turn();
        Turn& operator=(Turn&&) = delete;

        explicit operator bool() const { return turns_ != nullptr; }

      private:
        friend class ComputeLock;
        explicit Turn(ComputeLock& turns) : turns_(&turns) {}

        ComputeLock* turns_ = nullptr;
    };

    /** For a computation: blocks until the lock is free; an empty turn if `stop`, called repeatedly, returns true. */
    Turn computation(const Stop& stop);
    /** For background work: blocks until the lock is free and no computation waits for it; an empty turn when closed.
     */
    Turn background();
    /** Whether a computation waits: background work that holds the lock should release it soon. */
    bool wanted();
    /** Ends background work: it gets the lock no more. */
    void close();
    bool closed();

  private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    bool taken_ = false;
    unsigned waiting_ = 0;  // computations
    bool closed_ = false;
};

}  // namespace flash
