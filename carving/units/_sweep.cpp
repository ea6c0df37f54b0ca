/* Plain sweeps of a few rows of a machine with scalar units, as many as are wanted in one call.

   With a handful of rows a sweep is over before a library's product of matrices has begun, and what it waits
   for is the weights. So each thread takes a few rows through all their sweeps, W stays in its cache, and its
   powers are made where they are used: of rows x and their cumulants one pass over W makes

       Σ_r (1/r!) κ_r′(own) ∘ (κ_r(x) @ W^∘r) + bias

   and the mean of that is the new magnetisation (6). The units say what they are in numbers (ClosedForm).

   W is laid out in panels of WIDTH columns, a panel after the other, (ceil(N/WIDTH), from, WIDTH), with zeros
   beyond the last column. A tile is what is made at once of ROWS rows and PANELS panels, in registers. */

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <omp.h>

namespace {

#if defined(__AVX512F__)
constexpr int WIDTH = 16, REGISTERS = 32;
#elif defined(__AVX2__)
constexpr int WIDTH = 8, REGISTERS = 16;
#else
#error "compile for AVX2 or AVX-512"
#endif

constexpr int MOST_ROWS = 6, MOST_PANELS = 7;

typedef float numbers __attribute__((vector_size(4 * WIDTH)));
typedef int32_t integers __attribute__((vector_size(4 * WIDTH)));

#define INLINE inline __attribute__((always_inline))
// sums stay in registers only where every loop over them is unrolled
#define UNROLLED _Pragma("GCC unroll 8")

} // namespace

struct Layer {
    int64_t size;
    const float *bias;
    // the weights that lead to this layer
    const float *panels;
    // the highest power of them that matters to it
    int32_t order;
    int32_t logistic;
    float gain, scale, shift;
    // κ₂, κ₃ and κ₂′/2!, κ₃′/3! as polynomials in m
    float cumulant[2][4], reaction[2][3];
};

namespace {

INLINE numbers all(float x) { return x - numbers{}; }

/* Cody and Waite's reduction and a polynomial, within 2 units of the last place; the range is that of normal
   numbers. NaN stays NaN. */
INLINE numbers exponential(numbers x) {
    x = x > all(87.0f) ? all(87.0f) : x;
    x = x < all(-87.0f) ? all(-87.0f) : x;
    const float rounds = 12582912.0f; // 1.5 · 2²³: what is added to it is rounded to an integer
    const numbers shifted = x * 1.44269504f + rounds, whole = shifted - rounds;
    const numbers rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    constexpr float taylor[] = {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, 0.5f, 1.f, 1.f};
    numbers series = all(1.f / 5040);
    UNROLLED
    for (const float coefficient : taylor) series = series * rest + coefficient;
    const integers exponent = (integers)shifted - 0x4B400000;
    return series * (numbers)((exponent + 127) << 23);
}

INLINE numbers mean(const Layer &layer, numbers field) {
    if (!layer.logistic) return field * layer.gain;
    return layer.scale / (1.0f + exponential(field * -layer.gain)) + layer.shift;
}

/* One tile: of the rows in `sent`, (from, ROWS, ORDER), what panels `first` and following of a layer become. */
template <int ROWS, int PANELS, int ORDER>
INLINE void tile(const Layer &to, int64_t from, const float *sent, int64_t first, const float *own, float *out) {
    numbers sum[ROWS][PANELS][ORDER] = {};
    const float *weights = to.panels + first * from * WIDTH;
    for (int64_t i = 0; i < from; i++, weights += WIDTH, sent += ROWS * ORDER) {
        numbers power[PANELS][ORDER];
        UNROLLED
        for (int p = 0; p < PANELS; p++) {
            memcpy(&power[p][0], weights + p * from * WIDTH, sizeof(numbers));
            UNROLLED
            for (int o = 1; o < ORDER; o++) power[p][o] = power[p][o - 1] * power[p][0];
        }
        UNROLLED
        for (int r = 0; r < ROWS; r++)
            UNROLLED
            for (int o = 0; o < ORDER; o++) {
                const numbers x = all(sent[r * ORDER + o]);
                UNROLLED
                for (int p = 0; p < PANELS; p++) sum[r][p][o] += x * power[p][o];
            }
    }
    UNROLLED
    for (int p = 0; p < PANELS; p++) {
        const int64_t column = (first + p) * WIDTH, left = to.size - column;
        const size_t bytes = (left < WIDTH ? left : WIDTH) * sizeof(float);
        numbers bias = {};
        memcpy(&bias, to.bias + column, bytes);
        UNROLLED
        for (int r = 0; r < ROWS; r++) {
            numbers m = {}, field = bias + sum[r][p][0];
            memcpy(&m, own + r * to.size + column, bytes);
            UNROLLED
            for (int o = 1; o < ORDER; o++) {
                const float *c = to.reaction[o - 1];
                field += (c[0] + m * (c[1] + m * c[2])) * sum[r][p][o];
            }
            m = mean(to, field);
            memcpy(out + r * to.size + column, &m, bytes);
        }
    }
}

/* A tile of `count` panels, at most PANELS. */
template <int ROWS, int PANELS, int ORDER>
INLINE void tile_of(int64_t count, const Layer &to, int64_t from, const float *sent, int64_t first, const float *own,
                    float *out) {
    if constexpr (PANELS > 1)
        if (count < PANELS) return tile_of<ROWS, PANELS - 1, ORDER>(count, to, from, sent, first, own, out);
    tile<ROWS, PANELS, ORDER>(to, from, sent, first, own, out);
}

/* One half of a sweep: a layer's rows `out` from the other layer's rows `m` and its own rows before. */
template <int ROWS, int ORDER>
void half(const Layer &from, const Layer &to, const float *m, const float *own, float *out, float *sent) {
    for (int r = 0; r < ROWS; r++)
        for (int64_t i = 0; i < from.size; i++) {
            const float x = m[r * from.size + i];
            float *cumulants = sent + (i * ROWS + r) * ORDER;
            cumulants[0] = x;
            for (int o = 1; o < ORDER; o++) {
                const float *c = from.cumulant[o - 1];
                cumulants[o] = c[0] + x * (c[1] + x * (c[2] + x * c[3]));
            }
        }
    // as many sums as fit into three quarters of the registers
    constexpr int fit = REGISTERS * 3 / 4 / (ROWS * ORDER);
    constexpr int PANELS = fit < 1 ? 1 : fit > MOST_PANELS ? MOST_PANELS : fit;
    const int64_t panels = (to.size + WIDTH - 1) / WIDTH, tiles = (panels + PANELS - 1) / PANELS;
    // as wide as each other, but for one panel: a narrow one waits for its own sums
    for (int64_t t = 0; t < tiles; t++) {
        const int64_t first = t * panels / tiles, count = (t + 1) * panels / tiles - first;
        tile_of<ROWS, PANELS, ORDER>(count, to, from.size, sent, first, own, out);
    }
}

typedef void (*Half)(const Layer &, const Layer &, const float *, const float *, float *, float *);

constexpr Half HALVES[3][MOST_ROWS] = {
    {half<1, 1>, half<2, 1>, half<3, 1>, half<4, 1>, half<5, 1>, half<6, 1>},
    {half<1, 2>, half<2, 2>, half<3, 2>, half<4, 2>, half<5, 2>, half<6, 2>},
    {half<1, 3>, half<2, 3>, half<3, 3>, half<4, 3>, half<5, 3>, half<6, 3>},
};

} // namespace

struct Rows {
    const float *visible, *hidden;
    // where the states after sweeps 1, 4, 7 … go, those after 2, 5, 8 …, and those after 3, 6, 9 …
    float *of_visible[3], *of_hidden[3];
};

extern "C" {

/* Columns of a panel. */
int64_t panel_width() { return WIDTH; }

/* Numbers that each thread needs for itself, in layers of at most so many units. */
int64_t room_of_a_thread(int64_t size) { return size * MOST_ROWS * 3 + WIDTH; }

/* `rows` rows through `sweeps` sweeps; the room is that of `threads` threads. */
void sweep_rows(const Layer *visible, const Layer *hidden, const Rows *states, int64_t rows, int64_t sweeps,
                int64_t threads, float *room) {
    // a thread gets as many blocks as the others, and one block as many rows as another, but for one
    const int64_t rounds = (rows + threads * MOST_ROWS - 1) / (threads * MOST_ROWS);
    const int64_t blocks = rows < rounds * threads ? rows : rounds * threads;
    const int64_t own = room_of_a_thread(visible->size > hidden->size ? visible->size : hidden->size);
    // always as many threads as torch takes: it would have to make anew those that fewer leave idle
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (blocks > 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t first = block * rows / blocks, count = (block + 1) * rows / blocks - first;
        const int64_t at_v = first * visible->size, at_h = first * hidden->size;
        const Half to_hidden = HALVES[hidden->order - 1][count - 1];
        const Half to_visible = HALVES[visible->order - 1][count - 1];
        const float *v = states->visible + at_v, *h = states->hidden + at_h;
        float *sent = room + own * omp_get_thread_num();
        for (int64_t s = 0; s < sweeps; s++) {
            float *to_v = states->of_visible[s % 3] + at_v, *to_h = states->of_hidden[s % 3] + at_h;
            to_hidden(*visible, *hidden, v, h, to_h, sent);
            to_visible(*hidden, *visible, to_h, v, to_v, sent);
            v = to_v, h = to_h;
        }
    }
}
}
