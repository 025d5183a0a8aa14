//! Operations in the SPIR-V that naga writes, from which every driver starts, whatever the card.
//!
//! They are counted in the same categories as machine code. One operation on four components counts
//! as four. A function counts at each call. There are no scalar units, waits or hints.

use std::collections::HashMap;

use spirv::{Op, StorageClass};

use crate::counts::Counts;
use crate::loops::Loop;

/// The number of words before the first instruction.
const HEADER: usize = 5;

/// An instruction and its operands.
type Instruction<'a> = (Op, &'a [u32]);

/// Returns the loops of the entry point, in the order of their headers, like
/// [`crate::loops::loops`] for machine code. Positions are numbers of instructions.
pub(crate) fn loops(words: &[u32]) -> Vec<Loop> {
    let instructions = instructions(words);
    let module = Module::new(&instructions);
    let Some(entry) = module.entry(&instructions) else { return Vec::new() };
    let mut spans = Vec::new();
    for at in entry.clone() {
        let (Op::LoopMerge, &[merge, ..]) = instructions[at] else { continue };
        let is_header = |&at: &usize| instructions[at].0 == Op::Label;
        let header = (entry.start..at).rev().find(is_header).unwrap_or(at);
        let is_merge = |&at: &usize| instructions[at] == (Op::Label, &[merge][..]);
        let end = (at..entry.end).find(is_merge).unwrap_or(entry.end);
        spans.push((header, end - 1));
    }
    crate::loops::nested(spans, |at| module.counts(&instructions, at))
}

fn instructions(words: &[u32]) -> Vec<Instruction<'_>> {
    let mut operations = Vec::new();
    let mut rest = words.get(HEADER..).unwrap_or_default();
    while let Some(&first) = rest.first() {
        let length = (first >> 16) as usize;
        let (Some(op), Some(operands)) = (Op::from_u32(first & 0xffff), rest.get(1..length)) else {
            break;
        };
        operations.push((op, operands));
        rest = &rest[length..];
    }
    operations
}

/// Items to which instructions refer by number.
struct Module {
    /// The number of components of each vector type.
    components: HashMap<u32, u32>,
    /// The storage class to which each pointer points.
    classes: HashMap<u32, StorageClass>,
    /// The instructions of each function.
    functions: HashMap<u32, std::ops::Range<usize>>,
}

impl Module {
    fn new(instructions: &[Instruction<'_>]) -> Self {
        let mut module =
            Self { components: HashMap::new(), classes: HashMap::new(), functions: HashMap::new() };
        let mut function = None;
        for (at, instruction) in instructions.iter().enumerate() {
            match *instruction {
                (Op::TypeVector, &[result, _, components]) => {
                    module.components.insert(result, components);
                }
                (Op::Variable, &[_, result, class, ..]) => {
                    if let Some(class) = StorageClass::from_u32(class) {
                        module.classes.insert(result, class);
                    }
                }
                (Op::AccessChain | Op::InBoundsAccessChain, &[_, result, base, ..]) => {
                    if let Some(&class) = module.classes.get(&base) {
                        module.classes.insert(result, class);
                    }
                }
                (Op::Function, &[_, result, ..]) => function = Some((result, at)),
                (Op::FunctionEnd, _) => {
                    if let Some((result, start)) = function.take() {
                        module.functions.insert(result, start..at);
                    }
                }
                _ => {}
            }
        }
        module
    }

    fn entry(&self, instructions: &[Instruction<'_>]) -> Option<std::ops::Range<usize>> {
        let entry = instructions.iter().find(|(op, _)| *op == Op::EntryPoint)?.1.get(1)?;
        self.functions.get(entry).cloned()
    }

    /// Counts one instruction, or all instructions of the function if it is a call.
    fn counts(&self, instructions: &[Instruction<'_>], at: usize) -> Counts {
        let (op, operands) = instructions[at];
        let components = |type_id: Option<&u32>| {
            let known = type_id.and_then(|type_id| self.components.get(type_id));
            f64::from(known.copied().unwrap_or(1))
        };
        let mut counts = Counts::default();
        match (op, operands) {
            (Op::FunctionCall, &[_, _, function, ..]) => {
                // WGSL has no recursion, so this ends.
                for at in self.functions.get(&function).cloned().unwrap_or_default() {
                    counts += self.counts(instructions, at);
                }
            }
            (Op::Load, &[type_id, _, pointer, ..]) => {
                let components = components(Some(&type_id));
                match self.classes.get(&pointer) {
                    Some(StorageClass::StorageBuffer) => {
                        counts.loads = 1.0;
                        counts.load_bytes = 4.0 * components;
                    }
                    Some(StorageClass::Workgroup) => counts.workgroup = 1.0,
                    _ => {}
                }
            }
            (Op::Store, &[pointer, ..]) => match self.classes.get(&pointer) {
                Some(StorageClass::StorageBuffer) => {
                    counts.stores = 1.0;
                    // The kernels store single words only.
                    counts.store_bytes = 4.0;
                }
                Some(StorageClass::Workgroup) => counts.workgroup = 1.0,
                _ => {}
            },
            (op, _) if is_atomic(op) => counts.workgroup = 1.0,
            (Op::Branch | Op::BranchConditional | Op::Switch | Op::ControlBarrier, _) => {
                counts.control = 1.0;
            }
            (op, _) if is_arithmetic(op) => counts.vector = components(operands.first()),
            _ => {}
        }
        counts
    }
}

/// Returns whether an operation is atomic. The kernels use atomics only on workgroup memory.
fn is_atomic(op: Op) -> bool {
    (Op::AtomicLoad as u32..=Op::AtomicXor as u32).contains(&(op as u32))
}

/// Returns whether an operation is arithmetic: sums, products, comparisons, selections, shifts, bit
/// operations, and the functions of GLSL's set.
fn is_arithmetic(op: Op) -> bool {
    let op = op as u32;
    op == Op::ExtInst as u32
        || (Op::ConvertFToU as u32..Op::Bitcast as u32).contains(&op)
        || (Op::SNegate as u32..=Op::FUnordGreaterThanEqual as u32).contains(&op)
        || (Op::ShiftRightLogical as u32..=Op::BitCount as u32).contains(&op)
        || (Op::SDot as u32..=Op::SUDotAccSat as u32).contains(&op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofire::gpu::KernelSource;

    #[test]
    fn operations_are_counted_by_component_and_through_calls() {
        let wgsl = "
            @group(0) @binding(0) var<storage, read_write> data: array<vec4<u32>>;
            fn twice(a: vec4<u32>) -> vec4<u32> { return a ^ (a + a); }
            @compute @workgroup_size(1)
            fn main() {
                var sum = vec4<u32>(0u);
                while data[0].x > 1u {
                    sum = twice(data[1]);
                }
                data[0] = sum;
            }";
        let constants = Vec::new();
        let source = KernelSource { name: "test", wgsl, constants, max_chunk: None };
        let kernel = crate::spirv::compile(&source).unwrap();
        let loops = loops(&kernel.words);
        let [one] = &loops[..] else { panic!("{loops:?}") };
        assert_eq!((one.own.loads, one.own.load_bytes), (2.0, 20.0), "a word and a vector");
        assert_eq!(one.own.stores, 0.0, "behind the loop");
        // Eight operations of `twice`, a comparison and its negation, and those that naga adds to
        // bound the loop.
        assert!((10.0..24.0).contains(&one.own.vector), "{one:?}");
    }
}
