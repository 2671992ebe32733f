#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

namespace flash {

/** Takes turns at something: computations one at a time, and while none wants it, work in the background. */
class Turns {
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
        friend class Turns;
        explicit Turn(Turns& turns) : turns_(&turns) {}

        Turns* turns_ = nullptr;
    };

    /** A computation's: blocks until it has one; without one when `stop`, asked now and then, says so. */
    Turn computation(const std::function<bool()>& stop);
    /** Blocks until nobody has a turn and no computation waits for one; without one when closed. */
    Turn background();
    /** Whether who has a turn in the background should end it soon. */
    bool wanted();
    /** Ends the work in the background: there are no more turns for it. */
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
