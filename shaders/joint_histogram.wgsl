// Joint histogram of one pair of neurons per workgroup, or one band of its rows if the whole histogram does
// not fit into workgroup memory. Adds the samples of one chunk to `counts`.
//
// CPU twin: src/engine/cpu/joint_histogram.rs
//
// row_codes, column_codes: [neuron of the tile][word], four 8-bit codes per word, low byte first
// counts: [pair of the tile][code of the row's neuron][code of the column's neuron]
//
// Dispatch: x = columns of this dispatch, y = rows of this dispatch, z = bands of the histogram.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    first_column: u32,  // column of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    samples: u32,       // samples of this chunk
    stride: u32,        // words per neuron
}

override WORKGROUP_SIZE: u32;
override BINS: u32;
// Rows of the histogram that fit workgroup memory.
override BAND_ROWS: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> row_codes: array<u32>;
@group(0) @binding(2) var<storage, read> column_codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;

var<workgroup> sh_counts: array<atomic<u32>, BAND_ROWS * BINS>;

fn count_sample(row_word: u32, column_word: u32, shift: u32, first_bin: u32) {
    let bin = ((row_word >> shift) & 0xffu) - first_bin; // wraps round when below the band
    if bin < BAND_ROWS {
        let cell = bin * BINS + ((column_word >> shift) & 0xffu);
        atomicAdd(&sh_counts[cell], 1u);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let column = params.first_column + workgroup.x;
    let row = params.first_row + workgroup.y;
    if params.is_triangular == 1u && column < row {
        return; // below the diagonal; the whole workgroup takes this branch
    }
    let first_bin = workgroup.z * BAND_ROWS;
    let band_cells = min(BAND_ROWS, BINS - first_bin) * BINS;
    for (var cell = invocation; cell < band_cells; cell += WORKGROUP_SIZE) {
        atomicStore(&sh_counts[cell], 0u);
    }
    workgroupBarrier(); // every cell is zero before the first atomicAdd

    let words = (params.samples + 3u) / 4u;
    for (var word = invocation; word < words; word += WORKGROUP_SIZE) {
        let row_word = row_codes[row * params.stride + word];
        let column_word = column_codes[column * params.stride + word];
        let in_word = min(params.samples - word * 4u, 4u);
        for (var k = 0u; k < in_word; k++) {
            count_sample(row_word, column_word, k * 8u, first_bin);
        }
    }
    workgroupBarrier(); // every atomicAdd has landed before a cell is read

    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    let pair = row * params.columns + column - skipped;
    let first_cell = pair * BINS * BINS + first_bin * BINS;
    for (var cell = invocation; cell < band_cells; cell += WORKGROUP_SIZE) {
        counts[first_cell + cell] += atomicLoad(&sh_counts[cell]);
    }
}
