#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flash {

/**
 * Which experts of a model were used most when it was unloaded, kept in a file beside it. Text: `flint-experts 1 COUNT
 * BYTES` with the number of experts and the size of the model's file, then for each expert the logarithm (base 2) of
 * its decayed count of uses, or `-` for one that was never used.
 */
class HotSet {
  public:
    explicit HotSet(const std::string& model_path) : path_(model_path + ".experts") {}

    /** By expert; -infinity for those never used. All are where there is no such file, or it is of another model. */
    std::vector<double> load(uint32_t experts, uint64_t model_bytes) const;

    /** @return why it could not be written, or an empty text; then what was there before is there still */
    std::string save(const std::vector<double>& counts, uint64_t model_bytes) const;

  private:
    std::string path_;
};

}  // namespace flash
