// Sum of f(n) over the cells of one joint histogram per workgroup, exact in 64 bits, with the number of
// samples that the cells hold. Resets every cell to zero for the next tile, so that counts of an earlier tile
// are never mistaken for those of a later one.
//
// CPU twin: src/estimator/cell_table.rs (CellTable::sum)
//
// counts: [pair of the tile][cell]
// table:  [n] = f(n), low word first
// sums:   [pair of the tile] = (low word, high word, samples counted, tag of the tile)
//
// Dispatch: x = columns of the tile, y = rows of this dispatch.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    tag: u32,           // tells this tile's sums from stale ones
}

override WORKGROUP_SIZE: u32;
override BINS: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4<u32>>;

// Partial (low word, high word, samples) of each invocation.
var<workgroup> sh_partial: array<vec3<u32>, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let column = workgroup.x;
    let row = params.first_row + workgroup.y;
    if params.is_triangular == 1u && column < row {
        return; // below the diagonal; the whole workgroup takes this branch
    }
    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    let pair = row * params.columns + column - skipped;
    let first_cell = pair * BINS * BINS;

    var partial = vec3<u32>(0u);
    for (var cell = invocation; cell < BINS * BINS; cell += WORKGROUP_SIZE) {
        let n = counts[first_cell + cell];
        counts[first_cell + cell] = 0u;
        partial = add(partial, vec3<u32>(table[n], n));
    }
    sh_partial[invocation] = partial;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier(); // the partials of the upper half are written before they are read
        if invocation < half {
            sh_partial[invocation] = add(sh_partial[invocation], sh_partial[invocation + half]);
        }
    }
    if invocation == 0u {
        sums[pair] = vec4<u32>(sh_partial[0], params.tag);
    }
}
