#include "backend/current_load.h"

#include <mutex>

namespace flash {
namespace {

std::mutex mutex;
std::shared_ptr<ServedModel> current;  // guarded by mutex

}  // namespace

bool begin_load(std::shared_ptr<ServedModel> model) {
    const std::lock_guard lock(mutex);
    if (current && current != model) return false;
    current = std::move(model);
    return true;
}

void end_load(const ServedModel& model) {
    std::shared_ptr<ServedModel> ended;  // without the lock, if that is the end of the model
    const std::lock_guard lock(mutex);
    if (current.get() == &model) ended = std::move(current);
}

std::shared_ptr<ServedModel> current_load() {
    const std::lock_guard lock(mutex);
    return current;
}

}  // namespace flash
