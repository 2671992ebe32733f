#pragma once

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "flash.h"

namespace flash {

/** A model opened through the C interface, for C++ programs beside the library; closed in the end. */
class OpenedModel {
  public:
    /** @throws std::runtime_error with what the library says */
    OpenedModel(const flash_api& api, const flash_plan_request& request) : api_(&api), model_(nullptr, api.close) {
        std::array<char, 1024> error{};
        flash_model* opened = nullptr;
        if (api.open(&request, &opened, &plan_, error.data(), error.size()) != FLASH_OK)
            throw std::runtime_error(error.data());
        model_.reset(opened);
    }

    flash_model* get() const { return model_.get(); }
    const flash_plan& plan() const { return plan_; }
    std::string load_path() const { return api_->load_path(model_.get()); }

    /** Why a computation failed, once; nothing where none did. */
    std::optional<std::string> take_error() const {
        std::array<char, 1024> error{};
        if (!api_->take_error(model_.get(), error.data(), error.size())) return std::nullopt;
        return error.data();
    }

    /** While it lives, what llama.cpp loads and the contexts that it makes are this model's. */
    class Loading {
      public:
        /** @throws std::runtime_error while another model is being loaded */
        explicit Loading(const OpenedModel& opened) : opened_(opened) {
            std::array<char, 1024> error{};
            if (opened.api_->begin_load(opened.get(), error.data(), error.size()) != FLASH_OK)
                throw std::runtime_error(error.data());
        }
        ~Loading() { opened_.api_->end_load(opened_.get()); }
        Loading(const Loading&) = delete;
        Loading& operator=(const Loading&) = delete;

      private:
        const OpenedModel& opened_;
    };

  private:
    const flash_api* api_;
    flash_plan plan_{};
    std::unique_ptr<flash_model, void (*)(flash_model*)> model_;
};

}  // namespace flash
