//! A program that is measured: its CPU time and its memory, as Linux counts them.
// Each benchmark uses some of it.
#![allow(dead_code)]

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// In which `/proc` counts CPU time, whatever the kernel's own ticks are (proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// How often the memory of a program is looked at.
const LOOKED_AT: Duration = Duration::from_millis(5);

/// A program under way; it ends with this value.
pub struct Measured {
    pub child: Child,
    memory_kib: u64,
}

/// What a program used in its life.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// The most memory that it had.
    pub memory_kib: u64,
}

impl Measured {
    pub fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let child = command.spawn();
        Ok(Self {
            child: child.with_context(|| format!("{program:?}"))?,
            memory_kib: 0,
        })
    }

    /// Ctrl+C.
    pub fn interrupt(&mut self) -> Result<()> {
        // It is gone as soon as the program is.
        self.memory_kib = self.most_memory()?;
        Ok(kill_process(Pid::from_child(&self.child), Signal::INT)?)
    }

    /// What it used up to its end.
    pub fn end(mut self) -> Result<Cost> {
        // What is waited for in the usual way has no CPU time any more.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?;
        let cpu = self.cpu()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the program failed: {status}");
        Ok(Cost {
            cpu,
            memory_kib: self.memory_kib,
        })
    }

    /// What it used up to its end, which it comes to by itself. Of its memory what it had each time it was looked at.
    pub fn finish(mut self) -> Result<Cost> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_none() {
            // It may have ended since.
            self.memory_kib = self.most_memory().unwrap_or(self.memory_kib);
            thread::sleep(LOOKED_AT);
        }
        self.end()
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program stands in parentheses and may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: Vec<u32> = ticks.map(str::parse).collect::<Result<_, _>>()?;
        Ok(TICK * ticks.iter().sum())
    }

    fn most_memory(&self) -> Result<u64> {
        self.status_kib("VmHWM:")
    }

    /// Memory that it has now, in KiB.
    pub fn memory_now(&self) -> Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// Files and sockets that it has open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    fn status_kib(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no such line")?.parse()?)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Of a bench that failed; it has ended otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value that so many per mille are not above; of none, the default.
pub fn per_mille<T: Copy + Default>(sorted: &[T], share: usize) -> T {
    let at = sorted.len().saturating_sub(1) * share / 1000;
    sorted.get(at).copied().unwrap_or_default()
}
