//! The metrics of `isrecorder --archive`.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::text::{Metrics, count, gauge};
use crate::archive::TailState;
use crate::clock;
use crate::session::seconds;

#[derive(Debug)]
struct Archive(TailState);

impl Metrics {
    /// Tells of an archive, too.
    pub(super) fn add_archive(&mut self, archive: Option<TailState>) {
        if let Some(archive) = archive {
            self.add(Box::new(Archive(archive)));
        }
    }
}

impl Collector for Archive {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Self(state) = self;
        if let Some(until_us) = state.until_us() {
            let help = "Time since the end of the last volume that is complete, of the stream that is furthest behind";
            let name = "isrecorder_archive_behind";
            let behind_us = clock::system_us().saturating_sub(until_us).max(0);
            gauge(
                &mut encoder,
                (name, help, Some(&Unit::Seconds)),
                seconds(behind_us),
            )?;
        }
        let help = "Bytes that were received and are not in the archive";
        let name = "isrecorder_archive_behind";
        gauge(
            &mut encoder,
            (name, help, Some(&Unit::Bytes)),
            state.bytes_behind() as f64,
        )?;
        let (volumes, skipped) = state.volumes();
        for (name, help, number) in [
            (
                "isrecorder_archive_volumes",
                "Volumes that were completed",
                volumes,
            ),
            (
                "isrecorder_archive_skipped",
                "Volumes that can never be made, since the session is damaged there or for another reason that stays",
                skipped,
            ),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            count(&mut metric, &Vec::new(), number)?;
        }
        let (name, help) = (
            "isrecorder_archive_failures",
            "What kept the archive from taking a volume",
        );
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (kind, number) in state.failures() {
            count(&mut metric, &vec![("kind", kind.to_owned())], number)?;
        }
        Ok(())
    }
}
