//! AMD machine code as RADV prints it, and the resources that each instruction uses.
//!
//! A line is a label, `BB12:`, or an instruction with its operands, followed by a semicolon and its
//! encoding.

use crate::counts::Counts;

/// A basic block: instructions that are entered at the first and left at the last.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Block {
    /// The number in the label.
    pub(crate) label: u32,
    /// The instructions of the block.
    pub(crate) counts: Counts,
    /// The labels of the blocks to which it may jump.
    pub(crate) jumps: Vec<u32>,
}

/// Returns the blocks of a listing in its order.
pub(crate) fn blocks(listing: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in listing.lines() {
        let instruction = line.split(';').next().unwrap_or_default().trim();
        if let Some(label) = instruction.strip_suffix(':').and_then(label) {
            blocks.push(Block { label, ..Block::default() });
            continue;
        }
        let mut words = instruction.split([' ', ',', '\t']).filter(|word| !word.is_empty());
        let (Some(mnemonic), Some(block)) = (words.next(), blocks.last_mut()) else { continue };
        block.counts += classify(mnemonic);
        if mnemonic.starts_with("s_branch") || mnemonic.starts_with("s_cbranch") {
            block.jumps.extend(words.next().and_then(label));
        }
    }
    blocks
}

fn label(word: &str) -> Option<u32> {
    word.strip_prefix("BB")?.parse().ok()
}

/// Counts one instruction.
fn classify(mnemonic: &str) -> Counts {
    let mut counts = Counts::default();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| mnemonic.starts_with(prefix));
    if starts(&["s_waitcnt", "s_nop", "s_clause", "s_delay", "s_inst_prefetch", "s_sendmsg"]) {
        counts.hints = 1.0;
    } else if starts(&["s_branch", "s_cbranch", "s_barrier", "s_endpgm"]) {
        counts.control = 1.0;
    } else if starts(&["s_load", "s_buffer_load"]) {
        counts.scalar_loads = 1.0;
        counts.scalar_bytes = bytes(mnemonic);
    } else if starts(&["buffer_load", "global_load", "flat_load"]) {
        counts.loads = 1.0;
        counts.load_bytes = bytes(mnemonic);
    } else if starts(&["buffer_", "global_", "flat_"]) {
        counts.stores = 1.0;
        counts.store_bytes = bytes(mnemonic);
    } else if starts(&["ds_"]) {
        counts.workgroup = 1.0;
    } else if starts(&["v_"]) {
        counts.vector = 1.0;
        // These run at a quarter of the rate on every AMD card. Those that only move 64 bits are
        // rare.
        let slow = ["v_mul_lo_u32", "v_mul_hi", "v_mad_u64", "v_mad_co_u64"];
        counts.slow_vector = f64::from(u8::from(starts(&slow)));
        counts.bit_counts = f64::from(u8::from(starts(&["v_bcnt"])));
    } else {
        counts.scalar = 1.0;
    }
    counts
}

/// Returns the bytes that a memory access moves, from the end of its name: `dwordx4` and `b128`
/// alike.
fn bytes(mnemonic: &str) -> f64 {
    let sizes = [
        (&["x16", "b512"][..], 64.0),
        (&["x8", "b256"], 32.0),
        (&["x4", "b128"], 16.0),
        (&["x3", "b96"], 12.0),
        (&["x2", "b64", "_x2", "u64"], 8.0),
        (&["short", "u16", "i16", "b16"], 2.0),
        (&["byte", "u8", "i8", "b8"], 1.0),
    ];
    let size = sizes.iter().find(|(ends, _)| ends.iter().any(|end| mnemonic.ends_with(end)));
    size.map_or(4.0, |&(_, bytes)| bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A loop inside a loop, in the syntax that RADV prints for two generations of cards.
    pub(crate) const LISTING: &str = "\
BB0:
\ts_load_b128 s[8:11], s[2:3], null                           ; f4080201 f8000000
\tv_bfe_u32 v0, v0, 0, 10                                     ; d6100000 02290100
BB1:
\ts_cmp_eq_i32 s7, 0                                          ; bf008007
\ts_cbranch_scc1 BB5                                          ; bfa200ae
BB2:
\ts_waitcnt lgkmcnt(0)                                        ; bf89fc07
\tbuffer_load_dwordx4 v[4:7], v4, s[20:23], 0 offen           ; e0500000 80450404
BB3:
\tv_mul_lo_u32 v7, 10, v7                                     ; d72c0007 00020e8a
\tds_add_u32 v7, v8                                           ; d8000000 00000807
\ts_cbranch_execnz BB3                                        ; bfa50007
BB4:
\ts_branch BB1                                                ; bfa0ff50
BB5:
\tbuffer_store_b32 v2, v1, s[12:15], 0 offen                  ; e0680000 80430201
\ts_endpgm                                                    ; bfb00000
";

    #[test]
    fn a_listing_becomes_blocks_with_their_jumps() {
        let blocks = blocks(LISTING);
        let jumps: Vec<(u32, &[u32])> =
            blocks.iter().map(|block| (block.label, block.jumps.as_slice())).collect();
        assert_eq!(
            jumps,
            [(0, &[][..]), (1, &[5]), (2, &[]), (3, &[3]), (4, &[1]), (5, &[])],
            "labels and targets"
        );
        let first =
            Counts { vector: 1.0, scalar_loads: 1.0, scalar_bytes: 16.0, ..Counts::default() };
        assert_eq!(blocks[0].counts, first);
        let load = Counts { hints: 1.0, loads: 1.0, load_bytes: 16.0, ..Counts::default() };
        assert_eq!(blocks[2].counts, load);
        let slow = Counts {
            vector: 1.0,
            slow_vector: 1.0,
            workgroup: 1.0,
            control: 1.0,
            ..Counts::default()
        };
        assert_eq!(blocks[3].counts, slow);
        let last = Counts { stores: 1.0, store_bytes: 4.0, control: 1.0, ..Counts::default() };
        assert_eq!(blocks[5].counts, last);
    }

    #[test]
    fn both_spellings_of_sizes_are_read() {
        for (mnemonic, expected) in [
            ("s_buffer_load_dwordx2", 8.0),
            ("s_buffer_load_b64", 8.0),
            ("buffer_load_dword", 4.0),
            ("buffer_load_b32", 4.0),
            ("buffer_load_ubyte", 1.0),
            ("buffer_load_u8", 1.0),
            ("buffer_load_b128", 16.0),
            ("s_load_dwordx16", 64.0),
        ] {
            assert_eq!(bytes(mnemonic), expected, "{mnemonic}");
        }
    }
}
