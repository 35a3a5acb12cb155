//! Element types of files and their conversion: whatever precision weights were
//! saved in, they are loaded as 32-bit floats.

use super::array::Values;

/// A type of element that weights come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
}

impl Element {
    /// Values of little-endian bytes.
    pub fn decode(self, bytes: &[u8]) -> Values {
        match self {
            Self::F64 => Values::F32(each(bytes, |b| f64::from_le_bytes(b) as f32)),
            Self::F32 => Values::F32(each(bytes, f32::from_le_bytes)),
            Self::F16 => Values::F32(each(bytes, |b| from_half(u16::from_le_bytes(b)))),
            Self::BF16 => Values::F32(each(bytes, |b| {
                f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)
            })),
            Self::I64 => Values::I64(each(bytes, i64::from_le_bytes)),
            Self::I32 => Values::I64(each(bytes, |b| i64::from(i32::from_le_bytes(b)))),
        }
    }
}

fn each<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().map(|element| convert(*element)).collect()
}

/// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
fn from_half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        // Subnormal: multiples of 2⁻²⁴.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_keeps_its_values() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x8000, -0.0),
            (0x3555, 0.333_251_95),
        ];
        for (bits, value) in cases {
            assert_eq!(from_half(bits), value);
        }
        assert_eq!(from_half(0x7c00), f32::INFINITY);
        assert!(from_half(0x7e00).is_nan());
    }

    #[test]
    fn other_precisions_become_single() {
        let doubles: Vec<u8> = [1.5_f64, -3.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        assert_eq!(Element::F64.decode(&doubles), Values::F32(vec![1.5, -3.0]));
        assert_eq!(Element::BF16.decode(&[0xc0, 0x3f]), Values::F32(vec![1.5]));
        assert_eq!(
            Element::I32.decode(&(-7_i32).to_le_bytes()),
            Values::I64(vec![-7])
        );
    }
}
