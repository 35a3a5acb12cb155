//! One event file: records of TensorFlow's format, each a message.
//!
//! A record is the length of its message (u64), the masked CRC-32C of these eight
//! bytes, the message, and the masked CRC-32C of that; all little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use prost::Message as _;

use super::picture::Png;
use super::proto::{
    DT_STRING, Data, Event, Image, PluginData, SESSION_STARTS, SessionLog, Summary,
    SummaryMetadata, TensorProto, TensorShapeProto, Value, What,
};

/// What the first entry says: the version since which every file says it.
const FILE_VERSION: &str = "brain.Event:2";

/// What is added to a rotated checksum, so that a checksum of data with checksums in
/// them is a good one.
const MASK: u32 = 0xa282_ead8;

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct At {
    /// Seconds since 1970.
    pub moment: f64,
    /// Steps.
    pub step: u64,
}

/// A file that is written.
pub(super) struct EventFile<W> {
    out: W,
    scalars: u64,
    images: u64,
}

impl EventFile<BufWriter<File>> {
    /// A new file with its first entry.
    pub(super) fn create(path: &Path, started: f64) -> io::Result<Self> {
        Self::begin(BufWriter::new(File::create_new(path)?), started)
    }
}

impl<W: Write> EventFile<W> {
    /// Writes the first entry.
    pub(super) fn begin(out: W, started: f64) -> io::Result<Self> {
        let mut file = Self {
            out,
            scalars: 0,
            images: 0,
        };
        file.record(&Event {
            wall_time: started,
            step: 0,
            what: Some(What::FileVersion(FILE_VERSION.to_owned())),
        })?;
        Ok(file)
    }

    /// Has who reads forget all from this step on that was written before.
    pub(super) fn restart(&mut self, at: At) -> io::Result<()> {
        let session = SessionLog {
            status: SESSION_STARTS,
        };
        self.event(at, What::Session(session))
    }

    /// Writes what is still in memory.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what is still in memory; returns how many numbers and pictures there are.
    pub(super) fn end(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.scalars, self.images))
    }

    /// Numbers of one step, with their names. Without any, nothing is written.
    pub(super) fn scalars<T: Into<String>>(
        &mut self,
        at: At,
        values: impl IntoIterator<Item = (T, f64)>,
    ) -> io::Result<()> {
        let values = values.into_iter().map(|(tag, value)| Value {
            tag: tag.into(),
            metadata: None,
            data: Some(Data::SimpleValue(value as f32)),
        });
        let values: Vec<Value> = values.collect();
        if values.is_empty() {
            return Ok(());
        }
        self.scalars += values.len() as u64;
        self.summary(at, values)
    }

    /// A picture, described in Markdown.
    pub(super) fn image(
        &mut self,
        at: At,
        tag: String,
        png: Png,
        description: String,
    ) -> io::Result<()> {
        self.images += 1;
        let image = Image {
            height: png.height.cast_signed(),
            width: png.width.cast_signed(),
            colorspace: 3,
            encoded_image_string: png.bytes,
        };
        let metadata = metadata("images", Vec::new(), description);
        self.value(at, tag, metadata, Some(Data::Image(image)))
    }

    /// A text in Markdown.
    pub(super) fn text(&mut self, at: At, tag: &str, text: String) -> io::Result<()> {
        let tensor = TensorProto {
            dtype: DT_STRING,
            tensor_shape: Some(TensorShapeProto {}),
            string_val: vec![text.into_bytes()],
        };
        let metadata = metadata("text", Vec::new(), String::new());
        self.value(at, tag.to_owned(), metadata, Some(Data::Tensor(tensor)))
    }

    /// What a plugin keeps of a run.
    pub(super) fn plugin(
        &mut self,
        at: At,
        tag: &str,
        plugin: &str,
        content: Vec<u8>,
    ) -> io::Result<()> {
        let metadata = metadata(plugin, content, String::new());
        self.value(at, tag.to_owned(), metadata, None)
    }

    fn value(
        &mut self,
        at: At,
        tag: String,
        metadata: SummaryMetadata,
        data: Option<Data>,
    ) -> io::Result<()> {
        let metadata = Some(metadata);
        let value = Value {
            tag,
            metadata,
            data,
        };
        self.summary(at, vec![value])
    }

    fn summary(&mut self, at: At, value: Vec<Value>) -> io::Result<()> {
        self.event(at, What::Summary(Summary { value }))
    }

    fn event(&mut self, at: At, what: What) -> io::Result<()> {
        self.record(&Event {
            wall_time: at.moment,
            step: i64::try_from(at.step).unwrap_or(i64::MAX),
            what: Some(what),
        })
    }

    fn record(&mut self, event: &Event) -> io::Result<()> {
        let message = event.encode_to_vec();
        let length = (message.len() as u64).to_le_bytes();
        for bytes in [&length[..], &message] {
            self.out.write_all(bytes)?;
            self.out.write_all(&masked_crc32c(bytes).to_le_bytes())?;
        }
        Ok(())
    }
}

/// A name in Markdown, as it is. A cell of a table ends at a bar, in code, too.
pub(super) fn code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace('|', "¦"))
}

fn metadata(plugin: &str, content: Vec<u8>, description: String) -> SummaryMetadata {
    SummaryMetadata {
        plugin_data: Some(PluginData {
            plugin_name: plugin.to_owned(),
            content,
        }),
        summary_description: description,
    }
}

pub(super) fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `tensorboard`'s own writer has them.
    #[test]
    fn a_file_begins_with_the_bytes_that_tensorboard_writes() {
        let mut bytes = Vec::new();
        EventFile::begin(&mut bytes, 1.5).unwrap();
        let expected = [
            0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f,
            0x1a, 0x0d,
        ];
        let checksum = [0x2a, 0x28, 0x64, 0x6c];
        let all = [&expected[..], b"brain.Event:2", &checksum].concat();
        assert_eq!(bytes, all);
    }
}
