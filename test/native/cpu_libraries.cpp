// flint-cpu-libraries: which of ggml's CPU libraries this processor can run, a path a line, first that which ggml
// takes.

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ggml-backend-impl.h"

namespace {

/** What ggml asks each library when it looks for the best: 0 where this processor lacks something that it needs. */
int score_of(const std::filesystem::path& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return 0;
    const auto score = reinterpret_cast<ggml_backend_score_t>(dlsym(library, "ggml_backend_score"));
    return score == nullptr ? 0 : score();
}

}  // namespace

int main() {
    std::vector<std::pair<int, std::string>> libraries;
    for (const auto& entry : std::filesystem::directory_iterator(GGML_LIBRARIES_FOLDER)) {
        if (entry.path().filename().string().find("ggml-cpu-") == std::string::npos) continue;
        const int score = score_of(entry.path());
        if (score > 0) libraries.emplace_back(score, entry.path().string());
    }
    std::sort(libraries.rbegin(), libraries.rend());
    for (const auto& library : libraries) std::printf("%s\n", library.second.c_str());
    return libraries.empty() ? 1 : 0;
}
