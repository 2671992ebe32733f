#pragma once

#include <cstdint>
#include <vector>

#include "ggml-backend.h"

namespace flash {

/** Rows of numbers, one after the other. */
struct Matrix {
    int64_t rows = 0;
    int64_t columns = 0;
    std::vector<float> data;

    Matrix() = default;
    Matrix(int64_t row_count, int64_t column_count)
        : rows(row_count), columns(column_count), data(static_cast<size_t>(row_count * column_count)) {}
    float* row(int64_t i) { return data.data() + i * columns; }
    const float* row(int64_t i) const { return data.data() + i * columns; }
};

Matrix transposed(const Matrix& a);

/** The sum of products of `count` numbers. */
float dot(const float* a, const float* b, int64_t count);

/** ggml's own matrix products, on all processors. */
class Products {
  public:
    explicit Products(int threads);
    ~Products();
    Products(const Products&) = delete;
    Products& operator=(const Products&) = delete;

    /** a × bᵀ, both with the same number of columns. */
    Matrix operator()(const Matrix& a, const Matrix& b) const;
    /** a × bᵀ, where b's `rows` rows have this type. */
    Matrix operator()(const Matrix& a, ggml_type type, const void* b, int64_t rows) const;

  private:
    ggml_backend_t backend_;
};

/** The lower triangle L with L × Lᵀ = a, which must be symmetric and positive definite. */
Matrix cholesky(Matrix a);

/** Solves Lᵀ × x = b for each row b of `rows`, in place. */
void solve_transposed(const Matrix& lower, Matrix& rows);

/** Makes the rows orthogonal and of length 1 (modified Gram-Schmidt, twice). */
void orthonormalize(Matrix& a);

}  // namespace flash
