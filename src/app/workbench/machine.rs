//! How busy the machine is, once a second.

use std::io;
use std::thread;
use std::time::Duration;

use nvml_wrapper::Nvml;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use super::mail::Sender;
use super::message::Message;
use crate::ui::{GpuSample, MachineSample, News};

const EVERY: Duration = Duration::from_secs(1);

/// Starts to watch. A machine without NVIDIA's library has no GPUs.
pub fn watch(sender: Sender) -> io::Result<()> {
    thread::Builder::new()
        .name("machine".to_owned())
        .spawn(move || {
            let nvml = Nvml::init().ok();
            // A system that reports nothing leaves the pane empty.
            let Ok(mut system) = System::new() else {
                return;
            };
            loop {
                let sample = sample(&mut system, nvml.as_ref());
                if sender.send(Message::News(News::Machine(sample))).is_err() {
                    return;
                }
                thread::sleep(EVERY);
            }
        })?;
    Ok(())
}

fn sample(system: &mut System, nvml: Option<&Nvml>) -> MachineSample {
    system.refresh_cpu_usage();
    system.refresh_memory();
    let process = sysinfo::get_current_pid().ok();
    if let Some(process) = process {
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[process]),
            true,
            ProcessRefreshKind::nothing().with_memory(),
        );
    }
    MachineSample {
        cores: system
            .cpus()
            .iter()
            .map(|cpu| cpu.usage() / 100.0)
            .collect(),
        process_memory: process
            .and_then(|process| system.process(process))
            .map_or(0, sysinfo::Process::memory),
        memory: (system.used_memory(), system.total_memory()),
        gpus: nvml.map(gpus).unwrap_or_default(),
    }
}

/// GPUs that answer; one that does not is left out.
fn gpus(nvml: &Nvml) -> Vec<GpuSample> {
    let count = nvml.device_count().unwrap_or(0);
    let sample = |index| {
        let device = nvml.device_by_index(index).ok()?;
        let memory = device.memory_info().ok()?;
        Some(GpuSample {
            name: device.name().ok()?,
            busy: device.utilization_rates().ok()?.gpu as f32 / 100.0,
            memory: (memory.used, memory.total),
        })
    };
    (0..count).filter_map(sample).collect()
}
