#pragma once

#include <condition_variable>
#include <mutex>

namespace flash {

/** Takes turns at something: computations one at a time, and while none wants it, work in the background. */
class Turns {
  public:
    /** A computation's turn, as long as it lives. */
    class Turn {
      public:
        explicit Turn(Turns& turns);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        Turns& turns_;
        std::unique_lock<std::mutex> lock_;
    };

    /** Blocks until no computation has a turn or waits for one; without the lock when closed. */
    std::unique_lock<std::mutex> background();
    /** Ends the work in the background: there are no more turns for it. */
    void close();
    bool closed();

  private:
    std::mutex use_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    unsigned computations_ = 0;  // that have a turn, or wait for it
    bool closed_ = false;
};

}  // namespace flash
