//! The printed results, as text and as JSON.

use std::time::Duration;

use cofire::execution::KernelChoice;
use serde_json::json;

use crate::input::Input;
use crate::limits::Limits;
use crate::times::Measurement;

/// The bytes of a pair-sample: it has two codes of a byte each.
const BYTES_A_PAIR_SAMPLE: f64 = 2.0;

/// All results of the measurement.
pub(crate) struct Output<'a> {
    input: &'a Input,
    measurement: &'a Measurement,
    limits: &'a Limits,
    bits_a_pair_sample: f64,
}

impl<'a> Output<'a> {
    pub(crate) fn new(input: &'a Input, measurement: &'a Measurement, limits: &'a Limits) -> Self {
        let bits_a_pair_sample = input.bits_a_pair_sample(&measurement.report.edges);
        Self { input, measurement, limits, bits_a_pair_sample }
    }

    /// Returns the pair-samples per second of the job, if it takes `time`.
    fn speed(&self, time: Duration) -> f64 {
        self.input.pair_samples() as f64 / time.as_secs_f64()
    }

    fn pairs_speed(&self) -> f64 {
        self.speed(self.measurement.best.stages.pairs)
    }

    fn limit(&self) -> f64 {
        self.limits.pair_samples(self.bits_a_pair_sample)
    }

    pub(crate) fn print_json(&self) {
        let Measurement { report, cold, best, runs } = self.measurement;
        let adapter = report.execution.adapter.as_ref();
        let json = json!({
            "workload": self.input.name,
            "samples": report.samples,
            "neurons": report.entropy.len(),
            "bins": self.input.bins,
            "engine": report.execution.engine(),
            "adapter": adapter.map(ToString::to_string),
            "driver": adapter.map(|adapter| &adapter.driver),
            "kernel": report.execution.kernel.name(),
            "kernel_choice": choice(&report.execution.kernel_choice),
            "threads": rayon::current_num_threads(),
            "simd_level": cofire::execution::simd_level(),
            "repeat": runs,
            "seconds": best.whole.as_secs_f64(),
            "pair_samples": self.input.pair_samples(),
            "pair_samples_per_second": self.speed(best.whole),
            "code_bytes_per_second": self.pairs_speed() * BYTES_A_PAIR_SAMPLE,
            "uploaded_bytes": best.transfer.map(|transfer| transfer.uploaded_bytes),
            "read_back_bytes": best.transfer.map(|transfer| transfer.read_back_bytes),
            "stages": best.json(),
            "cold": cold.json(),
            "limits": {
                "adder_bits_per_second": self.limits.adder_bits,
                "increments_per_second": self.limits.increments,
                "bytes_per_second": self.limits.bytes,
                "bytes_are": self.limits.bytes_are,
                "bits_per_pair_sample": self.bits_a_pair_sample,
                "pair_samples_per_second": self.limit(),
                "share_reached": self.pairs_speed() / self.limit(),
            },
        });
        println!("{json:#}");
    }

    pub(crate) fn print(&self) {
        self.print_job();
        self.print_stages();
        self.print_limits();
    }

    fn print_job(&self) {
        let (samples, neurons) = self.input.activations.dim();
        let execution = &self.measurement.report.execution;
        println!(
            "workload   {}: {samples} samples, {neurons} neurons, {} bins",
            self.input.name, self.input.bins
        );
        let threads = rayon::current_num_threads();
        match &execution.adapter {
            Some(adapter) => println!("engine     gpu: {adapter}, driver {}", adapter.driver),
            None => {
                println!("engine     cpu: {threads} threads, {}", cofire::execution::simd_level())
            }
        }
        println!("kernel     {}, {}", execution.kernel, choice(&execution.kernel_choice));
    }

    fn print_stages(&self) {
        let Measurement { cold, best, runs, .. } = self.measurement;
        println!("\nmilliseconds         cold, once   best of {runs}");
        for ((stage, cold), (_, best)) in cold.named().into_iter().zip(best.named()) {
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            println!("{stage:<17} {:>13.3} {:>12.3}", milliseconds(cold), milliseconds(best));
        }
        println!(
            "\nspeed      {} pair-samples/s, {} in the pair stage",
            rate(self.speed(best.whole)),
            rate(self.pairs_speed())
        );
    }

    fn print_limits(&self) {
        let limits = self.limits;
        let codes = rate(self.pairs_speed() * BYTES_A_PAIR_SAMPLE);
        let possible = format!("where {}B/s can be {}", rate(limits.bytes), limits.bytes_are);
        match self.measurement.best.transfer {
            None => println!("           {codes}B/s of codes, {possible}"),
            Some(transfer) => println!(
                "           {codes}B/s of codes; {}B uploaded, {possible}; {}B read back",
                rate(transfer.uploaded_bytes as f64),
                rate(transfer.read_back_bytes as f64)
            ),
        }
        println!(
            "\nlimit      {} pair-samples/s; the pair stage reaches {:.1} %",
            rate(self.limit()),
            100.0 * self.pairs_speed() / self.limit()
        );
        println!(
            "           {} bits/s in carry-save adders, at {:.1} bits a pair-sample",
            rate(limits.adder_bits),
            self.bits_a_pair_sample
        );
        if let Some(increments) = limits.increments {
            println!("           {} counters/s incremented, one a pair-sample", rate(increments));
        }
    }
}

/// Describes how the kernel was chosen.
fn choice(choice: &KernelChoice) -> String {
    match choice {
        KernelChoice::Asked => "as asked".to_owned(),
        KernelChoice::Measured(speeds) => {
            let speeds = speeds.iter().map(|speed| {
                format!("{} {} pair-samples/s", speed.kernel, rate(speed.pair_samples_per_second))
            });
            format!("measured: {}", speeds.collect::<Vec<_>>().join(", "))
        }
        _ => "by rule".to_owned(),
    }
}

/// Formats a number with an SI prefix. A unit can follow.
fn rate(number: f64) -> String {
    let (scaled, prefix) = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|&(unit, _)| number >= unit)
        .map_or((number, ""), |(unit, prefix)| (number / unit, prefix));
    format!("{scaled:.3} {prefix}")
}
