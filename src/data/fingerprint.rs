//! A hash of a set's content, so that what was learnt from one set is not taken
//! for what would be learnt from another.

use std::time::UNIX_EPOCH;

use super::set::ImageSet;

impl ImageSet {
    /// Hexadecimal hash of the set's labels and images, in order. Of a set that
    /// is kept in memory every pixel counts; of a larger one the images' names,
    /// lengths and times of change do.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for index in 0..self.len() {
            let label = self.label(index).map_or(u64::MAX, u64::from);
            hasher.update(&label.to_le_bytes());
            match self.kept(index) {
                Some(pixels) => hasher.update(pixels),
                None => hasher.update(&self.trace(index)),
            };
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Name, length and time of change of an image's file, as far as known.
    fn trace(&self, index: usize) -> Vec<u8> {
        let name = self.name(index);
        let mut trace = name.as_os_str().as_encoded_bytes().to_vec();
        if let Ok(metadata) = name.metadata() {
            trace.extend(metadata.len().to_le_bytes());
            let changed = metadata.modified().ok();
            let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            trace.extend(since.unwrap_or_default().as_nanos().to_le_bytes());
        }
        trace
    }
}

#[cfg(test)]
mod tests {
    use crate::data::Images;
    use crate::data::fixtures::{plan, shapes};

    fn fingerprint(count: u32, seed: u64, memory: u64) -> String {
        let mut plan = plan(shapes(count, seed));
        plan.memory = memory;
        Images::open(&plan, 0).unwrap().train.fingerprint()
    }

    #[test]
    fn the_same_images_have_the_same_fingerprint() {
        assert_eq!(fingerprint(40, 1, u64::MAX), fingerprint(40, 1, u64::MAX));
    }

    #[test]
    fn other_images_or_fewer_have_another_fingerprint() {
        assert_ne!(fingerprint(40, 1, u64::MAX), fingerprint(40, 2, u64::MAX));
        assert_ne!(fingerprint(40, 1, u64::MAX), fingerprint(44, 1, u64::MAX));
    }
}
