//! What the figures were taken on, and what a process used: read from Linux' `/proc`.
//!
//! Everything is optional: on another system, or where `/proc` is closed, a figure is missing, never wrong.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The machine a report was made on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Model name of the processor.
    pub cpu: Option<String>,
    /// Logical cores this process may use.
    pub cores: Option<usize>,
    /// Main memory.
    pub memory_mib: Option<u64>,
    /// Name and release of the kernel.
    pub kernel: Option<String>,
    /// Name and version of the system.
    pub os: Option<String>,
    /// Instruction set.
    pub architecture: String,
    /// Load average over the last minute when the run began: above the number of cores, timings are worth little.
    pub load_average: Option<f64>,
}

impl Machine {
    /// This machine, now.
    pub fn probe() -> Self {
        let read = |path| fs::read_to_string(path).ok();
        Self {
            cpu: read("/proc/cpuinfo").and_then(|text| field(&text, "model name").map(str::to_owned)),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            memory_mib: read("/proc/meminfo")
                .and_then(|text| kibibytes(field(&text, "MemTotal")?))
                .map(|kibibytes| kibibytes / 1024),
            kernel: read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {}", release.trim())),
            os: read("/etc/os-release").and_then(|text| {
                let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
                Some(name.trim_matches('"').to_owned())
            }),
            architecture: std::env::consts::ARCH.to_owned(),
            load_average: read("/proc/loadavg").and_then(|text| text.split_whitespace().next()?.parse().ok()),
        }
    }
}

/// Versions this program can tell of itself; the caller adds those of its libraries.
pub fn versions() -> BTreeMap<String, String> {
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    BTreeMap::from([
        ("sidetone".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("build".to_owned(), build.to_owned()),
    ])
}

/// What a process has used so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time of all its threads, in user and kernel mode, those that ended included. In steps of 10 ms.
    pub cpu: Duration,
    /// Memory it holds now (resident set), in bytes.
    pub resident: u64,
    /// Of this what is its own: without the pages of its program, which come in when they are first run.
    pub private: u64,
    /// Most memory it ever held, in bytes.
    pub resident_peak: u64,
}

/// Processor time of one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadUsage {
    /// Number of the thread.
    pub id: u32,
    /// Its name, at most 15 bytes of it.
    pub name: String,
    /// Time on a processor, in nanoseconds' resolution.
    pub cpu: Duration,
}

/// Clock ticks a second in `/proc/*/stat`: 100 on every architecture Linux calls Rust's targets (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// What process `pid` (`None`: this one) has used so far.
pub fn usage(pid: Option<u32>) -> Option<Usage> {
    let folder = folder(pid);
    let cpu = ticks(&fs::read_to_string(format!("{folder}/stat")).ok()?)?;
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let bytes = |name| kibibytes(field(&status, name)?).map(|kibibytes| kibibytes * 1024);
    Some(Usage {
        cpu,
        resident: bytes("VmRSS")?,
        private: bytes("RssAnon")?,
        resident_peak: bytes("VmHWM")?,
    })
}

/// Processor time of every living thread of process `pid` (`None`: this one).
pub fn threads(pid: Option<u32>) -> Vec<ThreadUsage> {
    let Ok(tasks) = fs::read_dir(format!("{}/task", folder(pid))) else {
        return Vec::new();
    };
    let mut threads: Vec<ThreadUsage> = tasks
        .filter_map(|task| {
            let task = task.ok()?;
            let read = |name| fs::read_to_string(task.path().join(name)).ok();
            let nanoseconds = read("schedstat")?.split_whitespace().next()?.parse().ok()?;
            Some(ThreadUsage {
                id: task.file_name().to_str()?.parse().ok()?,
                name: read("comm")?.trim().to_owned(),
                cpu: Duration::from_nanos(nanoseconds),
            })
        })
        .collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

/// What each thread of `after` has used since `before`, by its name.
pub fn since(before: &[ThreadUsage], after: &[ThreadUsage]) -> impl Iterator<Item = (String, Duration)> {
    after.iter().map(|thread| {
        let earlier = before.iter().find(|earlier| earlier.id == thread.id);
        let earlier = earlier.map(|earlier| earlier.cpu).unwrap_or_default();
        (thread.name.clone(), thread.cpu.saturating_sub(earlier))
    })
}

fn folder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"))
}

/// Value of `name : value` lines.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn kibibytes(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse().ok()
}

/// User and kernel time of a `stat` line. The name, second field, may hold spaces and brackets of its own.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    // Field 3 is the first after the name; utime and stime are 14 and 15.
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, kernel) = (
        fields.next()?.parse::<u64>().ok()?,
        fields.next()?.parse::<u64>().ok()?,
    );
    Some(Duration::from_millis((user + kernel) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_an_awkward_name() {
        let line = "42 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(line), Some(Duration::from_millis(1750)));
        assert_eq!(ticks("42 (cut"), None);
        assert_eq!(ticks("42 (cut) R 1 2"), None);
    }

    #[test]
    fn fields_and_units() {
        let text = "model name\t: Some CPU @ 2: fast\nVmRSS:\t    1628 kB\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 2: fast"));
        assert_eq!(field(text, "VmRSS").and_then(kibibytes), Some(1628));
        assert_eq!(field(text, "VmHWM"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_something() {
        // Burn until the kernel has counted it.
        let spun = std::thread::Builder::new().name("burner".into()).spawn(|| {
            let mut x = 1_u64;
            let mine = || {
                threads(None)
                    .into_iter()
                    .find(|thread| thread.name == "burner")
                    .unwrap()
            };
            while mine().cpu < Duration::from_millis(40) {
                for _ in 0..1_000_000 {
                    x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            }
            usage(None).unwrap()
        });
        let usage = spun.unwrap().join().unwrap();
        assert!(usage.cpu >= Duration::from_millis(30), "{usage:?}");
        assert!(
            usage.resident > usage.private
                && usage.private > 10_000
                && usage.resident_peak >= usage.resident / 2,
            "{usage:?}"
        );
        assert_eq!(super::usage(Some(u32::MAX)), None);
        assert!(threads(Some(u32::MAX)).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_is_described() {
        let machine = Machine::probe();
        assert!(machine.cores.unwrap() >= 1 && machine.memory_mib.unwrap() > 16);
        assert!(machine.kernel.unwrap().starts_with("Linux "));
        assert_eq!(versions()["sidetone"], env!("CARGO_PKG_VERSION"));
    }
}
