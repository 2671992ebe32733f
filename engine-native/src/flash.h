#pragma once

// The C interface of libggml-flash beside ggml's own: what the addon and native tests call.
// Obtained with ggml_backend_reg_get_proc_address(reg, FLASH_API_NAME). Sizes and offsets are bytes.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLASH_BACKEND_NAME "Flash"
#define FLASH_API_NAME "flash_api"
#define FLASH_API_VERSION 9

typedef enum flash_status {
    FLASH_OK = 0,
    FLASH_INVALID_ARGUMENT = 2,
    FLASH_NOT_A_MODEL = 4,
    FLASH_READ_FAILED = 5,
} flash_status;

// How much of the feed-forward blocks of a converted model is computed; others are always dense.
typedef enum flash_sparsity {
    FLASH_EXACT = 0,    // the neurons that are not zero
    FLASH_PREDICT = 1,  // those that the model's predictor names
    FLASH_DENSE = 2,    // all
} flash_sparsity;

typedef struct flash_plan_request {
    const char* model_path;  // of a split model its first part
    uint64_t ram_cap_bytes;
    uint32_t context_tokens;  // 0: the largest up to 4096 that the model was trained for and that fits
    uint32_t threads;         // for arithmetic
    uint32_t disk_ms;         // for measuring the disk; only `measure` looks at it
    const char* trace_path;   // a file to record the routing of experts in, or null; only `configure` looks at it
    flash_sparsity sparsity;
    // For measuring what a technique is good for, off: neurons that stay in memory, near reads that are merged.
    bool without_window;
    bool without_bundles;
} flash_plan_request;

typedef struct flash_plan {
    bool fits;
    uint64_t minimum_cap_bytes;  // the smallest cap that works with context_tokens
    uint64_t whole_cap_bytes;    // the smallest with which llama.cpp keeps all weights; 0 for a converted model
    uint32_t maximum_context;    // the largest context that works with the cap, 0 when none does
    uint32_t context_tokens;
    uint32_t micro_batch_tokens;
    uint64_t resident_bytes;      // weights that llama.cpp keeps
    uint64_t pinned_bytes;        // weights that we keep
    uint64_t streamed_bytes;      // weights that we read from flash for every pass
    uint64_t row_read_bytes;      // embeddings of which we read the rows that are asked for
    uint64_t expert_cache_bytes;  // for experts of MoE models; those that are not in it are read when they are chosen
    uint64_t window_bytes;        // for neurons of converted models; those that are not in it are read when active
    uint64_t kv_bytes;
    uint64_t compute_bytes;
    uint64_t staging_bytes;
    uint64_t process_bytes;     // beside weights and context
    uint64_t vocabulary_bytes;  // of these, what the model is the cause of
} flash_plan;

typedef struct flash_speed {
    double disk_bytes_per_second;     // direct reads, as many in flight as streaming has
    double compute_bytes_per_second;  // of weights, for one token, all threads together
    double used_bytes_per_token;      // weights that one token is multiplied with
    double read_bytes_per_token;      // of these, what decoding by the plan is expected to read
} flash_speed;

typedef struct flash_measured {
    flash_plan plan;
    flash_speed speed;
} flash_measured;

typedef struct flash_stats {
    uint64_t used_bytes;  // weights that our operations used, from memory or flash
    uint64_t read_bytes;  // of these, read from flash
    uint64_t reads;
    uint64_t guessed_bytes;   // of those read: experts of the next layer, before its router chose
    uint64_t wasted_bytes;    // of those: experts that it did not choose
    uint64_t warming_bytes;   // of experts that were used most in earlier sessions: still to be read, in the background
    uint64_t disk_bytes;      // read from the disk, whatever for
    uint64_t read_time;       // nanoseconds in which reads were under way
    uint64_t silence;         // nanoseconds for which the disk has given nothing now of reads that are under way
    uint64_t first_layer;     // nanoseconds of the model loaded last: the first streamed layer of its first pass
    uint64_t neurons;         // of the feed-forward blocks, for each token that passed
    uint64_t active_neurons;  // of these, computed
    uint64_t loaded_neurons;  // read from flash
    // Nanoseconds of feed-forward blocks, on the thread that computes.
    uint64_t neuron_io;          // waiting for the disk
    uint64_t neuron_management;  // of windows, and copies into them
    uint64_t neuron_prediction;
    uint64_t neuron_compute;
} flash_stats;

typedef struct flash_api {
    uint32_t version;  // FLASH_API_VERSION
    // Decides what lives where, from the file's header alone. On failure writes why into `error`.
    flash_status (*plan)(const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size);
    // As plan; measures the disk for `disk_ms` and the processor for some tens of milliseconds, with what the plan
    // streams.
    flash_status (*measure)(const flash_plan_request* request, flash_measured* measured, char* error,
                            size_t error_size);
    // As plan, and serves by it the next model that llama.cpp loads, and the contexts that are made of it until
    // `deconfigure`. Fails with FLASH_INVALID_ARGUMENT if it does not fit.
    flash_status (*configure)(const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size);
    // The file that llama.cpp is to load instead of the model that was configured, as it need not read what is ours;
    // false where there is none. It is gone after `deconfigure`.
    bool (*outline_path)(char* path, size_t path_size);
    // Serves nothing of the models loaded, and of the contexts made, from now on. What was loaded goes on by itself:
    // the experts that it begins with are read in the background.
    void (*deconfigure)(void);
    // Since the process started.
    void (*stats)(flash_stats* stats);
    // While set, each token of a small batch is computed alone, with the bits that it has when it is decoded alone:
    // for checking guessed tokens. ggml's kernels for several tokens round otherwise.
    void (*set_token_by_token)(bool on);
    // Writes down which experts of the loaded model were used most; so does unloading it.
    void (*keep_experts)(void);
    // While set, computations of this backend end with GGML_STATUS_ABORTED.
    void (*set_abort)(bool abort);
    // Copies the message of the last failed read and forgets it; returns false when there was none.
    bool (*take_error)(char* error, size_t error_size);
} flash_api;

#ifdef __cplusplus
}
#endif
