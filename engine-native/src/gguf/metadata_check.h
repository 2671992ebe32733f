#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "gguf/model.h"

namespace flash {

/**
 * What llama.cpp would end the process for, or refuse: values that contradict each other, the tensors or its own
 * limits. As strict as llama.cpp and no stricter where architectures differ: see its llama_model_base::load_hparams,
 * llama_vocab::impl::load and src/models.
 * @param header of a model's first file
 * @param tensors of all its files
 * @return the rest of a sentence that begins with "it"; none where it may be loaded
 */
std::optional<std::string> metadata_fault(const gguf_context* header, const std::string& architecture,
                                          const std::vector<TensorInfo>& tensors);

/** @return how many tokens there are. @throws Fault */
size_t check_tokenizer(const Metadata& metadata);

}  // namespace flash
