#include "reader/uring.h"

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#endif

namespace flash {

#if defined(IORING_OFF_SQES) && defined(__NR_io_uring_setup)

void Uring::Unmap::operator()(uint8_t* data) const { munmap(data, size); }

Uring::Mapping Uring::map(int file, size_t size, int64_t offset) {
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, offset);
    return Mapping(data == MAP_FAILED ? nullptr : static_cast<uint8_t*>(data), Unmap{size});
}

std::unique_ptr<Uring> Uring::open(unsigned reads) {
    std::unique_ptr<Uring> uring(new Uring());
    io_uring_params params{};
    // One more: that which wakes us.
    uring->file_ = static_cast<int>(syscall(__NR_io_uring_setup, reads + 1, &params));
    uring->wake_ = eventfd(0, EFD_CLOEXEC);
    if (uring->file_ < 0 || uring->wake_ < 0) return nullptr;
    const auto& sq = params.sq_off;
    const auto& cq = params.cq_off;
    uring->submissions_ = map(uring->file_, sq.array + params.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    uring->completions_ = map(uring->file_, cq.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    uring->entries_ = map(uring->file_, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    if (!uring->submissions_ || !uring->completions_ || !uring->entries_) return nullptr;
    const auto at = [](const Mapping& mapping, uint32_t offset) {
        return reinterpret_cast<uint32_t*>(mapping.get() + offset);
    };
    uring->submission_tail_ = at(uring->submissions_, sq.tail);
    uring->submission_array_ = at(uring->submissions_, sq.array);
    uring->submission_mask_ = *at(uring->submissions_, sq.ring_mask);
    uring->submission_entries_ = reinterpret_cast<io_uring_sqe*>(uring->entries_.get());
    uring->completion_head_ = at(uring->completions_, cq.head);
    uring->completion_tail_ = at(uring->completions_, cq.tail);
    uring->completion_mask_ = *at(uring->completions_, cq.ring_mask);
    uring->completion_entries_ = reinterpret_cast<io_uring_cqe*>(uring->completions_.get() + cq.cqes);
    return uring;
}

Uring::~Uring() {
    if (file_ >= 0) close(file_);
    if (wake_ >= 0) close(wake_);
}

void Uring::read(int file, uint64_t offset, uint8_t* data, uint32_t size, bool blocking, void* who) {
    const uint32_t index = *submission_tail_ & submission_mask_;
    io_uring_sqe& entry = submission_entries_[index];
    entry = {};
    entry.opcode = IORING_OP_READ;
    entry.flags = blocking ? static_cast<uint8_t>(IOSQE_ASYNC) : uint8_t{0};
    entry.fd = file;
    entry.off = offset;
    entry.addr = reinterpret_cast<uintptr_t>(data);
    entry.len = size;
    entry.user_data = reinterpret_cast<uintptr_t>(who);
    submission_array_[index] = index;
    __atomic_store_n(submission_tail_, *submission_tail_ + 1, __ATOMIC_RELEASE);
    begun_++;
}

void Uring::wait() {
    if (!watching_) {
        read(wake_, 0, reinterpret_cast<uint8_t*>(&wake_count_), sizeof wake_count_, false, nullptr);
        watching_ = true;
    }
    // The disk begins with the first while the kernel prepares the others.
    if (begun_ > 1) enter(1, 0);
    enter(begun_, 1);
}

void Uring::enter(uint32_t begin, uint32_t ended) {
    const uint32_t flags = ended > 0 ? IORING_ENTER_GETEVENTS : 0;
    const long taken = syscall(__NR_io_uring_enter, file_, begin, ended, flags, nullptr, size_t{0});
    if (taken < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY && errno != ENOMEM)
        throw std::system_error(errno, std::generic_category(), "io_uring_enter");
    if (taken > 0) begun_ -= static_cast<uint32_t>(taken);
}

void Uring::take(const Ended& ended) {
    const uint32_t tail = __atomic_load_n(completion_tail_, __ATOMIC_ACQUIRE);
    while (*completion_head_ != tail) {
        const io_uring_cqe& completion = completion_entries_[*completion_head_ & completion_mask_];
        auto* who = reinterpret_cast<void*>(static_cast<uintptr_t>(completion.user_data));
        const int32_t result = completion.res;
        __atomic_store_n(completion_head_, *completion_head_ + 1, __ATOMIC_RELEASE);
        if (who == nullptr)
            watching_ = false;
        else
            ended(who, result);
    }
}

void Uring::wake() const {
    const uint64_t one = 1;
    // Can only fail when it would wake us anyway: the counter is full.
    const ssize_t written = ::write(wake_, &one, sizeof one);
    static_cast<void>(written);
}

#else

void Uring::Unmap::operator()(uint8_t*) const {}
std::unique_ptr<Uring> Uring::open(unsigned) { return nullptr; }
Uring::~Uring() = default;
void Uring::read(int, uint64_t, uint8_t*, uint32_t, bool, void*) {}
void Uring::wait() {}
void Uring::take(const Ended&) {}
void Uring::wake() const {}

#endif

}  // namespace flash
