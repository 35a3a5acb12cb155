//! Pictures within the file.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::imageops::thumbnail;

use crate::event::inspection::Picture;
use crate::format::png;

/// Pixels of a picture's longer side, at most.
const SIDE: u32 = 64;

/// Bytes as an address that contains them.
pub(super) fn data_uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// A picture as an address that contains it, made smaller if it is large.
pub(super) fn embedded(picture: &Picture) -> io::Result<String> {
    let (width, height) = (picture.width, picture.height);
    let longer = width.max(height);
    let bytes = if longer <= SIDE {
        png(width, height, &picture.rgb)?
    } else {
        let whole = RgbImage::from_raw(width, height, picture.rgb.clone());
        let whole = whole.ok_or_else(|| io::Error::other("a picture lacks pixels"))?;
        let scaled = |side: u32| (side * SIDE / longer).max(1);
        let small = thumbnail(&whole, scaled(width), scaled(height));
        png(small.width(), small.height(), small.as_raw())?
    };
    Ok(data_uri("image/png", &bytes))
}
