//! A yes or no for each image of a set.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A bit for each image of a set, in their order: of eight images the first is the lowest of a
/// byte. In JSON the bytes are base64.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageBits(Box<[u8]>);

impl ImageBits {
    /// Whether these may be of so many images.
    #[must_use]
    pub fn are_of(&self, images: usize) -> bool {
        self.0.len() == images.div_ceil(8)
    }

    /// The bit of an image; no beyond the last one.
    #[must_use]
    pub fn get(&self, image: usize) -> bool {
        let byte = self.0.get(image / 8).copied().unwrap_or_default();
        byte >> (image % 8) & 1 == 1
    }
}

impl FromIterator<bool> for ImageBits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut bytes = Vec::new();
        for (image, bit) in bits.into_iter().enumerate() {
            if image % 8 == 0 {
                bytes.push(0);
            }
            if let Some(last) = bytes.last_mut() {
                *last |= u8::from(bit) << (image % 8);
            }
        }
        Self(bytes.into())
    }
}

impl fmt::Debug for ImageBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageBits({})", STANDARD.encode(&self.0))
    }
}

impl Serialize for ImageBits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for ImageBits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_from_json() {
        let bits = [
            true, false, false, true, false, false, false, false, true, true,
        ];
        let kept: ImageBits = bits.into_iter().collect();
        let text = serde_json::to_string(&kept).unwrap();
        // 0b1001 and 0b11.
        assert_eq!(text, "\"CQM=\"");
        let again: ImageBits = serde_json::from_str(&text).unwrap();
        assert_eq!(again, kept);
        assert!(again.are_of(10) && !again.are_of(8) && !again.are_of(17));
        let found: Vec<bool> = (0..12).map(|image| again.get(image)).collect();
        assert_eq!(found[..10], bits);
        assert_eq!(found[10..], [false, false]);
        assert!(serde_json::from_str::<ImageBits>("\"no base64\"").is_err());
    }
}
